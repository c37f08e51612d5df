"""Child processes, so that a native crash or too much memory is an error and not an end."""
