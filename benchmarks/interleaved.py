"""Figures of timings in which the candidates take turns."""

from statistics import geometric_mean, median

from export.base.timing import take_turns


def medians(candidates, rounds):
    """Median seconds of each candidate, a dictionary of functions that wait for their result."""
    return {name: median(times) for name, times in take_turns(candidates, rounds).items()}


def mean_ratio(numerators, denominators):
    """Geometric mean of the ratios of two equally long sequences."""
    return geometric_mean(a / b for a, b in zip(numerators, denominators, strict=True))
