"""What is left of an affine as a stock Keras layer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fleras.fused_renorm import BatchNormalization
from fold.affine import Affine, Array, CannotFold, float64
from fold.keras_graph.graph import Call
from fold.rules.affines import BATCH_NORMS, normalized_axes


def replaced(call: Call) -> bool:
    """Whether a stock layer must stand for the call's: this project's, or one that sees steps."""
    spec = getattr(call.operation, "input_spec", None)
    steps = getattr(spec, "ndim", None) not in (None, len(call.input.shape))
    return steps or type(call.operation) is BatchNormalization


def remainder(call: Call, affine: Affine, name: str) -> keras.Layer:
    """A stock layer that computes `affine`.

    A whole batch norm stays a Keras `BatchNormalization`; a shift or a scale alone becomes a
    `Rescaling` with one value per channel.
    """
    norm = type(call.operation) in BATCH_NORMS
    axes = normalized_axes(call.operation, len(call.input.shape)) if norm else []
    if affine.cost == 2 and len(axes) == 1:
        try:
            return _batch_norm(call, affine, axes[0], name)
        except CannotFold:
            pass
    scale, offset = (_plain(a, call.output.dtype) for a in (affine.scale, affine.shift))
    return keras.layers.Rescaling(scale, offset, name=name, dtype=_policy(call))


def _batch_norm(call: Call, affine: Affine, axis: int, name: str) -> keras.Layer:
    """The same statistics, with gamma and beta that give the affine."""
    old = call.operation
    example_axis = axis % len(call.input.shape) - 1
    scale, shift = affine.along(example_axis, call.input.example[example_axis])
    new = keras.layers.BatchNormalization(
        axis=axis, momentum=old.momentum, epsilon=old.epsilon, name=name, dtype=_policy(call)
    )
    new.build(call.input.shape)
    mean, variance = float64(old.moving_mean), float64(old.moving_variance)
    deviation = np.sqrt(variance + old.epsilon)
    new.set_weights([scale * deviation, shift + scale * mean, mean, variance])
    return new


def _plain(array: Array, dtype: str) -> float | Array:
    """A number where one is enough; else an array, a vector if it lies along the last axis.

    TensorFlow reads a number as float32, so that float64 needs an array for most.
    """
    value = float(array.flat[0])
    if np.all(array == value) and (dtype != "float64" or value == float(np.float32(value))):
        return value
    if np.all(array == value):
        return np.array([value])
    return array.ravel() if array.shape[-1] == array.size else array


def _policy(call: Call) -> Any:
    return getattr(call.operation, "dtype_policy", call.output.dtype)
