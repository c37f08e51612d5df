"""Which axes are normalized, and how their statistics and the fused kernels see the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Axes:
    """The normalized axes of inputs of one shape.

    Attributes:
        shape: shape of the inputs; None where unknown.
        kept: the axes that have statistics of their own (usually the features), ascending.
    """

    shape: tuple[int | None, ...]
    kept: tuple[int, ...]

    @classmethod
    def of(cls, axis: int | Sequence[int], shape: Sequence[int | None]) -> Axes:
        """Checks `axis` against the shape of the inputs.

        Raises:
            ValueError: an axis is out of bounds, named twice or of unknown size.
        """
        rank = len(shape)
        given = [axis] if isinstance(axis, int) else list(axis)
        if not given or any(not -rank <= a < rank for a in given):
            raise ValueError(f"Axis is out of bounds for inputs {shape}. Received: axis={axis}")
        kept = tuple(sorted(a % rank for a in given))
        if len(set(kept)) < len(kept):
            raise ValueError(f"Axis is named twice for inputs {shape}. Received: axis={axis}")
        if any(shape[a] is None for a in kept):
            raise ValueError(f"Axis has no known size in inputs {shape}. Received: axis={axis}")
        return cls(tuple(shape), kept)

    @property
    def reduced(self) -> list[int]:
        """The axes that statistics are taken over."""
        return [a for a in range(len(self.shape)) if a not in self.kept]

    @property
    def broadcast_shape(self) -> list[int]:
        """Shape of the statistics at the rank of the inputs."""
        return [self.shape[a] or 0 if a in self.kept else 1 for a in range(len(self.shape))]

    @property
    def weight_shape(self) -> list[int]:
        """A vector for one axis; for several, the inputs' rank with 1 on the other axes."""
        return [self.shape[self.kept[0]] or 0] if len(self.kept) == 1 else self.broadcast_shape

    @property
    def channels(self) -> int:
        """Number of statistics."""
        return int(tf.TensorShape(self.broadcast_shape).num_elements() or 0)

    @property
    def adjacent(self) -> bool:
        """Whether the axes can be seen as one, which the fused kernels need."""
        return self.kept[-1] - self.kept[0] == len(self.kept) - 1

    @property
    def data_format(self) -> str:
        """What the fused kernels call the tensor that `fused_view` gives."""
        rank, axis = len(self.shape), self.kept[-1]
        if rank == 5 and self.kept == (1,):
            return "NCDHW"
        if rank == 5 and self.kept == (4,):
            return "NDHWC"
        return "NHWC" if axis == rank - 1 else "NCHW"

    def fused_view(self, x: tf.Tensor) -> tf.Tensor:
        """The inputs with one channel axis, at a rank the fused kernels know: 4 or 5."""
        if self._viewed_as_is:
            return x
        first, last = self.kept[0], self.kept[-1]
        if last == len(self.shape) - 1:
            return tf.reshape(x, [-1, 1, 1, self.channels])
        shape = tf.shape(x)
        before, after = tf.reduce_prod(shape[:first]), tf.reduce_prod(shape[last + 1 :])
        return tf.reshape(x, tf.stack([before, self.channels, after, 1]))

    def restored(self, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """The inverse of `fused_view`: `y` in the shape of `x`."""
        return y if self._viewed_as_is else tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)

    @property
    def _viewed_as_is(self) -> bool:
        rank = len(self.shape)
        return rank in (4, 5) and self.kept in ((1,), (rank - 1,))

    def vector(self, statistic: tf.Tensor) -> tf.Tensor:
        """A statistic as a vector of channels."""
        return statistic if len(self.kept) == 1 else tf.reshape(statistic, [-1])

    def spread(self, statistic: tf.Tensor) -> tf.Tensor:
        """A statistic at the rank of the inputs."""
        last = self.kept == (len(self.shape) - 1,)
        return statistic if last else tf.reshape(statistic, self.broadcast_shape)

    def as_weight(self, statistic: tf.Tensor) -> tf.Tensor:
        """A statistic, or one number for all of them, in the shape of the weights."""
        scalar = statistic.shape.rank == 0
        return statistic if scalar else tf.reshape(statistic, self.weight_shape)
