"""The reference in float64, the comparison with it, and what decides."""
