"""Layers that rearrange a tensor: the same rearrangement of the affine."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, Array, CannotFold, Shape
from fold.keras_graph.graph import Call
from fold.keras_graph.internals import ops
from fold.rules.passing import passes


def _known(call: Call, shape: Shape) -> tuple[int, ...]:
    if any(d is None for d in shape):
        raise CannotFold("axis_mismatch", f"'{call.name}' reshapes axes of unknown length")
    return shape


def _reshaped(call: Call, affine: Affine, before: Shape, after: Shape) -> Affine:
    """Same order of elements; a vector along an unchanged last axis needs no known lengths."""
    small = affine.compressed()
    last = small.scale.shape[-1]
    if small.scale.size == last and before[-1] == after[-1]:
        return small.map(lambda a: a.reshape((1,) * (len(after) - 1) + (last,)))
    if small.scale.size == 1:
        return small.map(lambda a: a.reshape((1,) * len(after)))
    source, target = _known(call, before), _known(call, after)
    return small.map(lambda a: np.broadcast_to(a, source).reshape(target)).compressed()


def _require_batch(call: Call) -> None:
    before, after = call.input.shape, call.output.shape
    sizes = [np.prod([d or 0 for d in shape[1:]]) for shape in (before, after)]
    if sizes[0] != sizes[1]:
        raise CannotFold("axis_mismatch", f"'{call.name}' moves elements between examples")


def _order_first(call: Call) -> list[int]:
    """Flatten with channels_first moves the channels last before it flattens."""
    rank = call.input.rank
    moved = isinstance(call.operation, layers.Flatten) and rank > 1
    if moved and call.operation.data_format == "channels_first":
        return [*range(1, rank), 0]
    return list(range(rank))


def _reshape_up(call: Call, affine: Affine) -> Affine:
    _require_batch(call)
    order = _order_first(call)
    source = tuple(call.input.example[i] for i in order)
    inverse = np.argsort(order)
    return _reshaped(call, affine, call.output.example, source).map(lambda a: a.transpose(inverse))


def _reshape_down(call: Call, affine: Affine) -> Affine:
    _require_batch(call)
    order = _order_first(call)
    source = tuple(call.input.example[i] for i in order)
    moved = affine.map(lambda a: a.transpose(order))
    return _reshaped(call, moved, source, call.output.example)


passes(
    layers.Flatten,
    layers.Reshape,
    ops.numpy.ExpandDims,
    ops.numpy.Reshape,
    ops.numpy.Squeeze,
    up=_reshape_up,
    down=_reshape_down,
)


def _order(call: Call) -> list[int]:
    """Axis of the input's example for each axis of the result's."""
    operation: Any = call.operation
    if isinstance(operation, layers.Permute):
        return [d - 1 for d in operation.dims]
    axes = [a % len(call.input.shape) for a in operation.axes or ()]
    if not axes or axes[0] != 0:
        raise CannotFold("axis_mismatch", f"'{call.name}' moves the batch axis")
    return [a - 1 for a in axes[1:]]


def _permute_down(call: Call, affine: Affine) -> Affine:
    order = _order(call)
    return affine.map(lambda a: np.transpose(a, order))


def _permute_up(call: Call, affine: Affine) -> Affine:
    inverse = np.argsort(_order(call))
    return affine.map(lambda a: np.transpose(a, inverse))


passes(layers.Permute, ops.numpy.Transpose, up=_permute_up, down=_permute_down)


def _repeat_up(call: Call, affine: Affine) -> Affine:
    def drop(a: Array) -> Array:
        first: Array = a[0]
        return first

    return affine.constant_over((0,)).map(drop)


passes(
    layers.RepeatVector,
    up=_repeat_up,
    down=lambda call, affine: affine.map(lambda a: a[None]),
)
