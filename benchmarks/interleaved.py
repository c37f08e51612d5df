"""Timings that can be compared: the candidates take turns, and medians are reported."""

import time
from statistics import geometric_mean, median


def medians(candidates, rounds, warmup=3):
    """Median seconds of each candidate, a dictionary of functions that wait for their result."""
    for run in candidates.values():
        for _ in range(warmup):
            run()
    seconds = {name: [] for name in candidates}
    for turn in range(rounds):
        names = list(candidates)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def mean_ratio(numerators, denominators):
    """Geometric mean of the ratios of two equally long sequences."""
    return geometric_mean(a / b for a, b in zip(numerators, denominators, strict=True))
