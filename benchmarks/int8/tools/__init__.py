"""Scripts that run in the environments of other tools; each imports that tool and NumPy alone."""
