"""Where the affine of a batch norm can go: moves, routes, obstacles and the plan."""
