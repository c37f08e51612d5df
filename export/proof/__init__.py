"""Equivalence: what is fed, the float64 truth, the figures and the tolerances."""
