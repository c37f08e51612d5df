"""Layers that are the identity at inference, and the ReLU family."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call
from fold.keras_graph.internals import ops
from fold.rules.passing import (
    Balance,
    Given,
    first,
    passes,
    require_no_shift,
    require_not_negative,
)
from fold.rules.table import pull, push

IDENTITIES = (
    layers.ActivityRegularization,
    layers.AlphaDropout,
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)
RECTIFIERS = {
    keras.activations.relu: 0.0,
    keras.activations.leaky_relu: 0.2,
}


def _unchanged(call: Call, affine: Affine) -> Affine:
    if call.kwargs.get("training"):
        raise CannotFold("training_true", f"'{call.name}' is called with training=True")
    return affine


passes(*IDENTITIES, up=_unchanged, down=_unchanged)


def _slope(call: Call) -> float | None:
    """Slope below zero of `max(x, 0) + slope * min(x, 0)`; None where each channel has its own.

    Refuses what is not homogeneous: max_value, a threshold, another function. TensorFlow holds
    the slope in float32.
    """
    layer = call.operation
    kind = type(layer)
    if kind is layers.PReLU:
        return None
    if kind is layers.ReLU and layer.max_value is None and not layer.threshold:
        return float(np.float32(layer.negative_slope))
    if kind in (layers.LeakyReLU, ops.nn.LeakyRelu):
        return float(np.float32(layer.negative_slope))
    if kind is ops.nn.Relu:
        return 0.0
    if kind is layers.Activation and layer.activation in RECTIFIERS:
        return float(np.float32(RECTIFIERS[layer.activation]))
    raise CannotFold("activation_between", f"'{call.name}' is not linear for positive scales")


RELUS = (
    layers.Activation,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ReLU,
    ops.nn.LeakyRelu,
    ops.nn.Relu,
)


def _is_linear(call: Call) -> bool:
    return getattr(call.operation, "activation", None) is keras.activations.linear


@pull.rule(*RELUS)
def _relu_pull(call: Call, affine: Affine) -> list[tuple[Affine, ...]]:
    """`s * relu(x) = relu(s * x)` for s >= 0."""
    if not _is_linear(call):
        _slope(call)
        require_not_negative(call, affine)
        require_no_shift(call, affine)
    return [(affine,)]


@push.rule(*RELUS)
def _relu_push(call: Call, given: Given) -> list[Balance]:
    """`relu(s * x) = s * relu(x)` for s >= 0; where s = 0 the channel is a constant."""
    affine = first(call, given)
    if not _is_linear(call):
        affine = _rectified(call, affine, _slope(call))
    return [Balance((None,), affine)]


def _rectified(call: Call, affine: Affine, slope: float | None) -> Affine:
    require_not_negative(call, affine)
    scale, shift = np.broadcast_arrays(affine.scale, affine.shift)
    if slope is None or np.any((scale != 0) & (shift != 0)):
        require_no_shift(call, affine)
        return affine
    return Affine(scale, np.where(shift > 0, shift, slope * shift))
