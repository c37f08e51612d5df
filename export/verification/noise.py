"""Signal and noise of an output, of the parts it is joined from, and of its channels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from export.base.parts import Parts

STEPS = 64
"""An error of 1 / STEPS of an output's unit is no more than signal: a step of 8 bits is less."""


@dataclass(frozen=True)
class Noise:
    """What is left of the signal.

    Attributes:
        sqnr: of the worst part, in decibel.
        lost: channels of the last axis whose error is as large as their signal.
        part: channels of the last axis that the worst part has, where it has not all.
    """

    sqnr: float
    lost: tuple[int, ...] = field(default=())
    part: tuple[int, ...] = field(default=())


def noise_of(truth: np.ndarray, value: np.ndarray, parts: Parts, unit: float = 0.0) -> Noise:
    """Measures an output over all examples together.

    Args:
        truth: examples along the first axis.
        value: of the same shape.
        parts: each is judged by its own scale.
        unit: of the whole, see `export.keras_model.output_scale`.
    """
    truth, value = (np.asarray(each, np.float64) for each in (truth, value))
    with np.errstate(invalid="ignore"):
        error = np.where(truth == value, 0.0, value - truth)
    if truth.ndim < 2:
        return Noise(sqnr(truth, error, unit))
    labels = np.broadcast_to(parts.labels, truth.shape[1:])
    found = [
        sqnr(truth[:, labels == label], error[:, labels == label], max(own, unit))
        for label, own in enumerate(parts.units)
    ]
    worst = int(np.argmin(found))
    floors = np.array([max(own, unit) / STEPS for own in parts.units])[labels]
    channels: tuple[int, ...] = ()
    if len(found) > 1:
        inside = (labels == worst).reshape(-1, labels.shape[-1])
        channels = () if inside.any(0).all() else tuple(np.flatnonzero(inside.any(0)).tolist())
    return Noise(found[worst], _lost(truth, error, floors), channels)


def sqnr(truth: np.ndarray, error: np.ndarray, unit: float = 0.0) -> float:
    """Signal to noise in decibel; the signal is at least what 8 bits can tell apart of the unit."""
    if not np.isfinite(error).all():
        return float("-inf")
    finite = truth[np.isfinite(truth)]
    floor = finite.size * (unit / STEPS) ** 2
    signal, noise = max(float(np.square(finite).sum()), floor), float(np.square(error).sum())
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")


def ranges(channels: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> "1 to 3, 7"."""
    starts = [c for at, c in enumerate(channels) if not at or channels[at - 1] != c - 1]
    ends = [
        c for at, c in enumerate(channels) if at + 1 == len(channels) or channels[at + 1] != c + 1
    ]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in pairs)


def _lost(truth: np.ndarray, error: np.ndarray, floors: np.ndarray) -> tuple[int, ...]:
    """Channels that vary more than 8 bits need to tell, and whose error is as large as they are."""
    channels = truth.shape[-1]
    if (
        channels < 2
        or not truth.size
        or not np.isfinite(error).all()
        or not np.isfinite(truth).all()
    ):
        return ()
    flat, wrong = truth.reshape(-1, channels), error.reshape(-1, channels)
    signal, noise = (np.square(each).mean(axis=0) for each in (flat, wrong))
    floor = floors.reshape(-1, channels).max(axis=0) ** 2
    return tuple(np.flatnonzero((noise >= signal) & (flat.var(axis=0) > floor)).tolist())
