"""Layers and operations that are a frozen affine: batch norms, preprocessing, constants."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fleras.fused_renorm import BatchNormalization as FusedRenorm
from fold.affine import Affine, Array, CannotFold, FoldError, float64
from fold.keras_graph.graph import Call, Value
from fold.keras_graph.internals import ops
from fold.rules.table import as_affine

BATCH_NORMS = (keras.layers.BatchNormalization, FusedRenorm)
PREPROCESSING = (keras.layers.Normalization, keras.layers.Rescaling)


def trains(call: Call) -> bool:
    """Whether the call normalises each batch by itself at inference too."""
    return call.kwargs.get("training") not in (None, False)


@as_affine.rule(*BATCH_NORMS)
def _batch_norm(call: Call) -> Affine:
    layer = call.operation
    if trains(call):
        raise CannotFold("training_true", "it is called with training=True")
    value, variance = _same_dtype(call), _checked(layer, "moving_variance")
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * _checked(layer, "gamma")
    shift = -scale * _checked(layer, "moving_mean")
    if layer.beta is not None:
        shift = shift + _checked(layer, "beta")
    axes = normalized_axes(layer, len(value.shape))
    scale, shift = (_on_axes(axes, vector, value) for vector in (scale, shift))
    return Affine(scale, shift)


def normalized_axes(layer: Any, rank: int) -> list[int]:
    """The axes of a batch norm in a tensor of this rank; the layer may know single steps of it."""
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    own = getattr(layer.input_spec, "ndim", rank)
    return axes if own == rank else [axis if axis < 0 else axis - own for axis in axes]


def _checked(layer: Any, name: str) -> Array:
    array = float64(getattr(layer, name))
    bad = ~np.isfinite(array) | ((array < 0) if name == "moving_variance" else False)
    if np.any(bad):
        raise FoldError(
            f"batch norm '{layer.name}' has NaN, infinite or negative values in {name} in "
            f"{int(np.sum(bad))} of {bad.size} channels; train it again or repair its statistics"
        )
    return array


def _on_axes(axes: list[int], vector: Array, value: Value) -> Array:
    """The vector with the rank of one example, its entries along `axes`."""
    axes = [axis % len(value.shape) for axis in axes]
    if 0 in axes:
        raise CannotFold("axis_mismatch", "it normalises the batch axis")
    shape = [d if i in axes else 1 for i, d in enumerate(value.shape)]
    return np.reshape(vector, shape[1:])


@as_affine.rule(keras.layers.Normalization)
def _normalization(call: Call) -> Affine:
    layer, value = call.operation, _same_dtype(call)
    mean = float64(layer.mean)
    deviation = np.maximum(np.sqrt(float64(layer.variance)), keras.config.epsilon())
    if layer.invert:
        scale, shift = deviation, mean
    else:
        scale, shift = 1 / deviation, -mean / deviation
    return Affine.of(_example(scale, value), _example(shift, value), value.rank)


@as_affine.rule(keras.layers.Rescaling)
def _rescaling(call: Call) -> Affine:
    layer, value = call.operation, _same_dtype(call)
    scale, offset = float64(layer.scale), float64(layer.offset)
    if keras.config.image_data_format() == "channels_first" and scale.ndim:
        scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
    return Affine.of(_example(scale, value), _example(offset, value), value.rank)


@as_affine.rule(ops.numpy.Add, ops.numpy.Subtract)
def _add_constant(call: Call) -> Affine:
    value, constant, first = _with_constant(call)
    if type(call.operation) is ops.numpy.Add:
        return Affine.of(1.0, constant, value.rank)
    scale, shift = (1.0, -constant) if first else (-1.0, constant)
    return Affine.of(scale, shift, value.rank)


@as_affine.rule(ops.numpy.Multiply, ops.numpy.Divide, ops.numpy.TrueDivide)
def _multiply_constant(call: Call) -> Affine:
    value, constant, first = _with_constant(call)
    if type(call.operation) is ops.numpy.Multiply:
        return Affine.of(constant, 0.0, value.rank)
    if not first or np.any(constant == 0):
        raise CannotFold("activation_between", f"'{call.name}' divides by a tensor or by zero")
    return Affine.of(1 / constant, 0.0, value.rank)


@as_affine.rule(ops.numpy.Negative)
def _negative(call: Call) -> Affine:
    return Affine.of(-1.0, 0.0, _same_dtype(call).rank)


def _with_constant(call: Call) -> tuple[Value, Array, bool]:
    """The tensor, the constant, and whether the tensor comes first."""
    a, b = [leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if leaf is not None]
    if isinstance(a, Value) == isinstance(b, Value):
        raise CannotFold("unknown_layer", f"'{call.name}' joins two tensors")
    value, constant = (a, b) if isinstance(a, Value) else (b, a)
    _same_dtype(call)
    if value.shape != call.output.shape:
        raise CannotFold("unknown_layer", f"'{call.name}' broadcasts its input")
    return value, _example(float64(constant), value), value is a


def _example(array: Array, value: Value) -> Array:
    """A constant that broadcasts against the batch, without its batch axis."""
    if array.ndim <= value.rank:
        return array
    if array.shape[0] != 1:
        raise CannotFold("axis_mismatch", "its constant differs from example to example")
    only: Array = array[0]
    return only


def _same_dtype(call: Call) -> Value:
    if call.input.dtype != call.output.dtype:
        raise CannotFold("dtype", f"'{call.name}' casts {call.input.dtype} to {call.output.dtype}")
    return call.input


def size_of_input(call: Call) -> Array:
    """Root mean square of the input by the batch norm's own statistics, per channel."""
    layer = call.operation
    if type(layer) not in BATCH_NORMS:
        return np.ones(1)
    mean, variance = float64(layer.moving_mean), float64(layer.moving_variance)
    size = np.sqrt(mean**2 + variance + layer.epsilon)
    return _on_axes(normalized_axes(layer, len(call.input.shape)), size, call.input)


def untrained(call: Call) -> bool:
    """Whether the moving statistics are as they were made: mean 0, variance 1."""
    layer = call.operation
    return not np.any(float64(layer.moving_mean)) and bool(
        np.all(float64(layer.moving_variance) == 1)
    )
