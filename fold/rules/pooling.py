"""Pooling, padding, cropping and enlarging: constant over space, so channels pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call
from fold.keras_graph.internals import ops
from fold.rules.passing import passes, require_no_shift, require_not_negative

AVERAGES = (layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
MAXIMA = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
RESIZES = (
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Cropping3D,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.UpSampling3D,
)
GLOBAL_AVERAGES = (
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
)
GLOBAL_MAXIMA = (
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
Check = Callable[[Call, Affine], None]


def _anything(call: Call, affine: Affine) -> None:
    if getattr(call.operation, "interpolation", "nearest") not in ("nearest", "bilinear"):
        raise CannotFold("unknown_layer", f"'{call.name}' interpolates beyond the values it reads")


def _space(call: Call) -> tuple[int, ...]:
    """The spatial axes of one example."""
    rank = call.input.rank
    first = getattr(call.operation, "data_format", None) == "channels_first"
    return tuple(range(1, rank)) if first else tuple(range(rank - 1))


def _local(check: Check) -> Callable[[Call, Affine], Affine]:
    def move(call: Call, affine: Affine) -> Affine:
        check(call, affine)
        return affine.constant_over(_space(call))

    return move


def _no_shift(call: Call, affine: Affine) -> None:
    require_no_shift(call, affine, "padding")


for types, check in (
    ((*AVERAGES, *RESIZES), _anything),
    (MAXIMA, require_not_negative),
    (PADDINGS, _no_shift),
):
    passes(*types, up=_local(check), down=_local(check))


def _axes(call: Call) -> tuple[tuple[int, ...], bool]:
    """The joined axes of one example, and whether they stay as axes of length 1."""
    operation: Any = call.operation
    if not isinstance(operation, ops.numpy.Mean | ops.numpy.Max | ops.numpy.Sum):
        return _space(call), bool(operation.keepdims)
    axis = operation.axis
    rank = len(call.input.shape)
    axes = tuple(range(rank)) if axis is None else tuple(np.atleast_1d(axis) % rank)
    if 0 in axes:
        raise CannotFold("axis_mismatch", f"'{call.name}' joins different examples")
    return tuple(int(a) - 1 for a in axes), bool(operation.keepdims)


def _joined(check: Check) -> dict[str, Callable[[Call, Affine], Affine]]:
    def up(call: Call, affine: Affine) -> Affine:
        check(call, affine)
        axes, kept = _axes(call)
        if kept:
            return affine.constant_over(axes)
        return affine.map(lambda a: np.expand_dims(a, axes))

    def down(call: Call, affine: Affine) -> Affine:
        check(call, affine)
        axes, kept = _axes(call)
        small = affine.constant_over(axes)
        return small if kept else small.map(lambda a: np.squeeze(a, axes))

    return {"up": up, "down": down}


passes(*GLOBAL_AVERAGES, ops.numpy.Mean, **_joined(_anything))


def _count(call: Call, affine: Affine) -> float:
    """How many numbers each sum adds, which is how often a shift is added."""
    if not affine.has_shift:
        return 1.0
    lengths = [call.input.example[axis] for axis in _axes(call)[0]]
    if None in lengths:
        raise CannotFold("unknown_layer", f"'{call.name}' adds an unknown number of shifts")
    return float(np.prod(lengths))


_MEAN = _joined(_anything)


def _sum_up(call: Call, affine: Affine) -> Affine:
    return _MEAN["up"](call, Affine(affine.scale, affine.shift / _count(call, affine)))


def _sum_down(call: Call, affine: Affine) -> Affine:
    return _MEAN["down"](call, Affine(affine.scale, affine.shift * _count(call, affine)))


passes(ops.numpy.Sum, up=_sum_up, down=_sum_down)
passes(*GLOBAL_MAXIMA, ops.numpy.Max, **_joined(require_not_negative))
