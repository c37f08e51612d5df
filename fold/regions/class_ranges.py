"""One scale per class of channels, by the noise that rounding to 8 bits is estimated to leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fold.affine import Array

STEPS = 255
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
LIMIT = 2.0**20


@dataclass(frozen=True, eq=False)
class Tensor:
    """The class and the largest magnitude of each of its channels, and whether it is rounded."""

    classes: Array
    peak: Array
    rounded: bool


@dataclass(frozen=True, eq=False)
class Reader:
    """A kernel of shape (inputs, taps, outputs) that reads channels of these classes.

    `power` is the mean square of each input. With `separate`, every input has a range of its own.
    """

    classes: Array
    power: Array
    kernel: Array
    separate: bool


def choose(count: int, tensors: Sequence[Tensor], readers: Sequence[Reader], caps: Array) -> Array:
    """The scale of each class; 1 for class 0."""
    scales = np.ones(count)
    for members in _components(count, [t.classes for t in tensors]):
        mine = [t for t in tensors if members[t.classes].any()]
        theirs = [r for r in readers if members[r.classes].any()]
        candidates = [scales, *_candidates(members, scales, mine, theirs, caps)]
        scales = min(candidates, key=lambda each: _noise(each, mine, theirs))
    return scales


def _components(count: int, groups: list[Array]) -> Iterator[Array]:
    """Masks of the classes that stand together in tensors."""
    leader = np.arange(count)
    changed = True
    while changed:
        changed = False
        for group in groups:
            free = group[group > 0]
            if free.size and (leader[free] != (low := leader[free].min())).any():
                leader[free] = low
                changed = True
    present = np.unique(np.concatenate([*groups, [0]]))
    for low in np.unique(leader[present[present > 0]]):
        mask = np.zeros(count, bool)
        mask[present] = (leader[present] == low) & (present > 0)
        yield mask


def _candidates(
    members: Array, scales: Array, tensors: list[Tensor], readers: list[Reader], caps: Array
) -> Iterator[Array]:
    range_ = _geometric(members.size, [(t.classes, t.peak) for t in tensors if t.rounded])
    weight = _geometric(members.size, [(r.classes, _weight(r)) for r in readers if not r.separate])
    for share in SHARES:
        wanted = np.where(members, weight ** (1 - share) / range_**share, 1.0)
        wanted = np.where(members, wanted * _level(wanted, members, tensors), 1.0)
        bounded = np.minimum(np.clip(wanted, 1 / LIMIT, LIMIT), caps)
        yield np.where(members, bounded, scales)


def _level(wanted: Array, members: Array, tensors: list[Tensor]) -> float:
    """The factor that brings them to the range of channels that can't be scaled, or about 1."""
    fixed = [t.peak[t.classes == 0].max(initial=0.0) for t in tensors]
    free = [(wanted[t.classes] * t.peak)[t.classes > 0].max(initial=0.0) for t in tensors]
    levels = [a / b for a, b in zip(fixed, free, strict=True) if a > 0 and b > 0]
    return float(np.exp(np.mean(np.log(levels or [1 / np.median(wanted[members])]))))


def _weight(reader: Reader) -> Array:
    """How much of the range of the output channels each input takes, at most."""
    size = np.abs(reader.kernel).max(axis=1)
    shares: Array = (size / np.maximum(size.max(axis=0), 1e-30)).max(axis=1)
    return shares


def _geometric(count: int, parts: list[tuple[Array, Array]]) -> Array:
    """The geometric mean per class over where it is positive; 1 where it never is."""
    total, number = np.zeros(count), np.zeros(count)
    for classes, sizes in parts:
        if not (sizes > 0).any():
            continue
        level = np.log(sizes[sizes > 0]).max()
        used = sizes > 0
        np.add.at(total, classes[used], np.log(sizes[used]) - level)
        np.add.at(number, classes[used], 1)
    return np.exp(total / np.maximum(number, 1))


def _noise(scales: Array, tensors: list[Tensor], readers: list[Reader]) -> float:
    """Noise of rounded tensors and kernels at the readers' outputs, relative to the signal."""
    gain = np.zeros(scales.size)
    noise = 0.0
    for r in readers:
        scale = scales[r.classes]
        squares = np.square(r.kernel).sum(axis=1)
        signal = r.power[:, None] * squares if r.separate else r.power @ squares
        gains = (squares / np.maximum(signal, 1e-30)).sum(axis=1) / squares.size
        gains = gains if r.separate else (squares / np.maximum(signal, 1e-30)).mean(axis=1)
        np.add.at(gain, r.classes, gains / scale**2)
        if not r.separate:
            step = (np.abs(r.kernel) / scale[:, None, None]).max(axis=(0, 1)) / STEPS * 2
            taps = r.kernel.shape[1]
            added = step**2 / 12 * taps * (scale**2 @ r.power) / np.maximum(signal, 1e-30)
            noise += float(added.mean())
    for t in tensors:
        if t.rounded:
            step = (scales[t.classes] * t.peak).max() / STEPS
            noise += float(step**2 / 12 * gain[np.unique(t.classes)].sum())
    return noise
