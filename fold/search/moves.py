"""The ways to take one batch norm apart, best first.

Each writes `y = s * x + d` as `down(rest(up(x)))`: `up` goes to the layers before, `down` to the
layers after, `rest` stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fold.affine import Affine, Array

LARGEST_SHIFT = 16.0
"""A shift that goes before a batch norm may be this many times the size of what it is added to.

Beyond, float32 would lose more than four of its 24 bits in every other reader of that tensor.
"""
LARGEST_OWN_SHIFT = 2.0**40
"""The same for a shift that only the batch norm's own readers see; they are scaled back at once."""


@dataclass(frozen=True, eq=False)
class Move:
    """One way; `shift` is added to the tensor before and may be `limit` times its size."""

    code: str
    up: Affine
    rest: Affine
    down: Affine
    shift: Array
    limit: float = LARGEST_SHIFT


def complete(affine: Affine) -> Iterator[Move]:
    """The moves after which nothing is left."""
    none = Affine.identity(affine.rank)
    yield Move("hoisted", affine, none, none, np.zeros(1))
    yield Move("sunk", none, none, affine, np.zeros(1))
    for up, down in _splits(affine):
        yield Move("split", up, none, down, up.shift)


def partial(affine: Affine) -> Iterator[Move]:
    """The moves that leave one operation of two."""
    if affine.cost < 2:
        return
    none = Affine.identity(affine.rank)
    scale, shift = (
        Affine(affine.scale, 0 * affine.shift),
        Affine(1 + 0 * affine.scale, affine.shift),
    )
    (before, after), *_ = _splits(affine)
    yield Move("shift_left", none, before, after, before.shift, LARGEST_OWN_SHIFT)
    yield Move("shift_left", scale, shift, none, np.zeros(1))
    sign = _sign(affine)
    if sign is not None:
        yield Move(
            "scale_left", before, sign, Affine(np.abs(after.scale), after.shift), before.shift
        )
    if not after.has_shift:
        yield Move("scale_left", before, after, none, before.shift)
    yield Move("scale_left", none, scale, shift, np.zeros(1))


def _splits(affine: Affine) -> Iterator[tuple[Affine, Affine]]:
    """`s * x + d = s * (x + d / s)`, then the same with the sign of s on the side of x.

    A channel with s = 0 is the constant d; it stays on the side of s.
    """
    scale, shift = np.broadcast_arrays(affine.scale, affine.shift)
    zero = scale == 0
    before = np.where(zero, 0.0, shift / np.where(zero, 1.0, scale))
    down = Affine(scale, np.where(zero, shift, 0.0))
    yield Affine(np.ones_like(scale), before), down
    sign = _sign(affine)
    if sign is not None:
        yield Affine(sign.scale, sign.scale * before), Affine(np.abs(scale), down.shift)


def _sign(affine: Affine) -> Affine | None:
    """-1 where the scale is negative and 1 elsewhere; None without a negative scale."""
    sign = np.where(affine.scale < 0, -1.0, 1.0)
    return Affine(sign, np.zeros_like(sign)) if (sign < 0).any() else None
