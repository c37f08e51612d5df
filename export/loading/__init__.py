"""Opening `.keras` files of strangers: everything is read and judged before Keras loads it."""
