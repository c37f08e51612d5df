"""The value that `fold` moves around, `x -> scale * x + shift`, and the refusal to move it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Weights = dict[str, Array]
Shape = tuple[Any, ...]  # None where a length is unknown


def float64(array: Any) -> Array:
    """Any array, tensor or variable as float64."""
    return np.asarray(array, np.float64)


class FoldError(ValueError):
    """The model itself is at fault, for example a batch norm with a negative variance."""


class CannotFold(Exception):
    """An affine can't pass here; `code` is a key in `fold.report.reasons`, `reason` is prose."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Affine:
    """`x -> scale * x + shift` in float64; both arrays broadcast against one example of `x`.

    An example is the tensor without its batch axis: a batch norm over NHWC has arrays of shape
    (1, 1, C). The rank of the arrays is the rank of the example.
    """

    scale: Array
    shift: Array

    @classmethod
    def of(cls, scale: Array | float, shift: Array | float, rank: int) -> Affine:
        """Builds one from anything that broadcasts, with leading axes of 1 up to `rank`."""
        scale, shift = np.broadcast_arrays(float64(scale), float64(shift))
        shape = (1,) * (rank - scale.ndim) + scale.shape
        return cls(scale.reshape(shape), shift.reshape(shape))

    @classmethod
    def identity(cls, rank: int) -> Affine:
        """`x -> x` for examples of that rank."""
        return cls(np.ones((1,) * rank), np.zeros((1,) * rank))

    @property
    def has_scale(self) -> bool:
        """Whether any channel is multiplied by something other than 1."""
        return bool(np.any(self.scale != 1))

    @property
    def has_shift(self) -> bool:
        """Whether any channel is shifted."""
        return bool(np.any(self.shift != 0))

    @property
    def is_identity(self) -> bool:
        """Whether nothing is left to do."""
        return not self.has_scale and not self.has_shift

    @property
    def cost(self) -> int:
        """How many element-wise operations it takes at inference: 0, 1 or 2."""
        return self.has_scale + self.has_shift

    @property
    def rank(self) -> int:
        """Rank of one example."""
        return max(self.scale.ndim, self.shift.ndim)

    def after(self, first: Affine) -> Affine:
        """`self(first(x))` as one affine."""
        return Affine(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> Affine:
        """The affine that undoes this one; refuses where a scale is zero or far from 1."""
        size = np.abs(self.scale)
        if np.any(size < 2.0**-10) or np.any(size > 2.0**10):
            raise CannotFold(
                "digits",
                f"undoing a scale between {size.min():.3g} and {size.max():.3g} would lose digits",
            )
        return Affine(1 / self.scale, -self.shift / self.scale)

    def equals(self, other: Affine) -> bool:
        """Equal up to rounding of the float64 arithmetic."""
        if self is other:
            return True
        pairs = [(self.scale, other.scale), (self.shift, other.shift)]
        return all(
            a.ndim == b.ndim and np.allclose(a, b, rtol=1e-12, atol=1e-300) for a, b in pairs
        )

    def scale_only(self) -> Affine:
        """The same scale, no shift."""
        return Affine(self.scale, np.zeros_like(self.shift))

    def map(self, operation: Callable[[Array], Array]) -> Affine:
        """The affine whose arrays are `operation(scale)` and `operation(shift)`."""
        return Affine(operation(self.scale), operation(self.shift))

    def compressed(self) -> Affine:
        """The same affine with every axis along which it is constant reduced to length 1."""
        both = np.stack(np.broadcast_arrays(self.scale, self.shift))
        for axis in range(1, both.ndim):
            first = np.take(both, [0], axis)
            if both.shape[axis] > 1 and np.all(both == first):
                both = first
        return Affine(both[0], both[1])

    def along(self, axis: int, size: int) -> tuple[Array, Array]:
        """The vectors (scale, shift) of length `size` along `axis` of the example.

        Refuses when the affine differs along any other axis.
        """
        small = self.compressed()
        axis %= small.rank
        if any(n > 1 for i, n in enumerate(small.scale.shape) if i != axis):
            raise CannotFold("axis_mismatch", "it differs along an axis that is not the channels")
        scale, shift = (np.broadcast_to(a.ravel(), (size,)) for a in (small.scale, small.shift))
        return scale, shift

    def constant_over(self, axes: tuple[int, ...]) -> Affine:
        """The compressed affine; refuses when it differs along any of `axes` of the example."""
        small = self.compressed()
        if any(small.scale.shape[a] > 1 for a in axes):
            raise CannotFold("axis_mismatch", f"it differs along the axes {axes} that are joined")
        return small
