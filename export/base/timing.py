"""Times that can be compared: the candidates take turns, so a busy moment slows all alike."""

import time
from collections.abc import Callable, Mapping
from typing import Any

WARMUP = 3
LEAST = 5
BLOCKS = 5
REST = 0.05


def seconds_of(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def take_turns(
    calls: Mapping[str, Callable[[], Any]], rounds: int = LEAST, seconds: float = 0.0
) -> dict[str, list[float]]:
    """Seconds of each call in every round, after a few to warm up.

    Args:
        calls: by name; each waits for its result. Every round begins with another one.
        rounds: how many there are at least.
        seconds: how long to go on for each call, roughly.
    """
    for call in calls.values():
        for _ in range(WARMUP):
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    names, turn = list(calls), 0
    end = time.perf_counter() + seconds * len(names)
    while names and (turn < rounds or time.perf_counter() < end):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            times[name].append(seconds_of(calls[name]))
        turn += 1
    return times


def in_blocks(
    calls: Mapping[str, Callable[[], Any]], seconds: float, blocks: int = BLOCKS
) -> dict[str, list[float]]:
    """Seconds of each call, in a few stretches of each, far apart.

    For calls that slow each other when they take turns one by one: threads of the one that spin
    still when the other begins, and caches that it finds full of the one before. So each stretch
    begins with a rest and with calls that are not counted.

    Args:
        calls: by name; each waits for its result.
        seconds: how long to measure each call, roughly.
        blocks: how many stretches each gets, in turn with the others.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(blocks):
        first = turn % max(1, len(names))
        for name in (*names[first:], *names[:first]):
            time.sleep(REST)
            for _ in range(WARMUP):
                calls[name]()
            end = time.perf_counter() + seconds / blocks
            times[name].append(seconds_of(calls[name]))
            while time.perf_counter() < end:
                times[name].append(seconds_of(calls[name]))
    return times
