"""Sizes of tensors that a model of Keras 2 asked for, as numbers; that of the batch is not known.

Keras 3 keeps known sizes as integers where Keras 2 had tensors, so that a model can ask for the
shape of one tensor to reshape another.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from export.base.errors import InputError


@dataclass(frozen=True)
class Sizes:
    """A shape, or a part of one; None is the size of the batch."""

    values: tuple[int | None, ...]


def shape(input: Any, out_type: Any = None, name: Any = None) -> Sizes:
    """`tf.shape`."""
    return Sizes(tuple(input.shape))


def reshape(tensor: Any, shape: Any, name: Any = None) -> Any:
    """`tf.reshape`; with the batch size and one size left open, that one is worked out."""
    sizes = list(shape.values if isinstance(shape, Sizes) else shape)
    if None in sizes and -1 in sizes:
        rest = math.prod(size for size in sizes if size not in (None, -1))
        sizes[sizes.index(-1)] = math.prod(tensor.shape[1:]) // rest
    return ops.reshape(tensor, [-1 if size is None else size for size in sizes])


def stacked(values: Any) -> Any:
    """Numbers among which are sizes as one shape; None for anything else."""
    if all(value is None or isinstance(value, int) for value in values):
        return Sizes(tuple(values))
    return None


def joined(values: Any) -> Any:
    """Parts of shapes as one; None for anything else."""
    if not any(isinstance(value, Sizes) for value in values):
        return None
    parts = [value.values if isinstance(value, Sizes) else value for value in values]
    return Sizes(tuple(size for part in parts for size in part))


def calculated(function: Callable[..., Any], x: Any, y: Any) -> Any:
    """The result for two sizes; None for anything else.

    Raises:
        InputError: one is that of the batch.
    """
    number = NUMBERS.get(function)
    if number is None or not all(value is None or isinstance(value, int) for value in (x, y)):
        return None
    if x is None or y is None:
        raise InputError("a size is calculated from that of the batch, which is not known")
    return number(x, y)


NUMBERS: dict[Callable[..., Any], Callable[[int, int], int]] = {
    ops.add: operator.add,
    ops.subtract: operator.sub,
    ops.multiply: operator.mul,
    ops.floor_divide: operator.floordiv,
}
