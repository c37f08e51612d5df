"""Convolutions of every kind: plain, grouped, transposed, depthwise, separable."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, Array, CannotFold, Weights
from fold.keras_graph.graph import Call
from fold.rules.table import Edit, absorb_input, absorb_output
from fold.rules.weighted import biased, require_linear, require_plain, use_bias

CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)


def channel_axis(layer: Any) -> int:
    """The channel axis of one example."""
    return 0 if layer.data_format == "channels_first" else -1


def require_no_border(call: Call, affine: Affine, layer: Any) -> None:
    """Refuses a shift in front of a convolution that pads with zeros."""
    if affine.has_shift and layer.padding != "valid" and any(k > 1 for k in layer.kernel_size):
        raise CannotFold("padding", f"'{call.name}' pads with zeros, which a shift would change")


def _output_vectors(call: Call, affine: Affine) -> tuple[Any, Array, Array]:
    layer = require_linear(call, affine)
    axis = channel_axis(layer)
    return layer, *affine.along(axis, call.output.example[axis])


def _input_vectors(call: Call, affine: Affine) -> tuple[Any, Array, Array]:
    layer = require_plain(call)
    axis = channel_axis(layer)
    require_no_border(call, affine, layer)
    return layer, *affine.along(axis, call.input.example[axis])


def _scaled_output(call: Call, affine: Affine, name: str, spread: Any) -> Edit:
    """Scales kernel `name` by `spread(scale)` and gives the bias the rest."""
    layer, scale, shift = _output_vectors(call, affine)

    def transform(w: Weights) -> Weights:
        scaled = w | {name: w[name] * spread(w[name], scale)}
        return biased(scaled, w.get("bias", 0) * scale + shift)

    return Edit("output", affine, transform, use_bias(layer, affine))


@absorb_output.rule(*CONVOLUTIONS)
def _conv_output(call: Call, affine: Affine) -> Edit:
    """`affine(conv(x)) = conv'(x)`, kernel (..., in / groups, out)."""
    return _scaled_output(call, affine, "kernel", lambda kernel, s: s)


@absorb_output.rule(*TRANSPOSED)
def _transposed_output(call: Call, affine: Affine) -> Edit:
    """Kernel (..., out, in)."""
    return _scaled_output(call, affine, "kernel", lambda kernel, s: s[:, None])


@absorb_output.rule(*DEPTHWISE)
def _depthwise_output(call: Call, affine: Affine) -> Edit:
    """Kernel (..., in, multiplier); output channel `in * multiplier + m`."""
    return _scaled_output(call, affine, "kernel", lambda k, s: s.reshape(k.shape[-2:]))


@absorb_output.rule(*SEPARABLE)
def _separable_output(call: Call, affine: Affine) -> Edit:
    return _scaled_output(call, affine, "pointwise_kernel", lambda kernel, s: s)


@absorb_input.rule(*CONVOLUTIONS)
def _conv_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """`conv(s * x + d)`: kernel times s, bias plus the sum of the kernel over d."""
    layer, *vectors = _input_vectors(call, affine)

    def transform(w: Weights) -> Weights:
        kernel = w["kernel"]
        scale, shift = (_per_group(v, layer.groups, kernel.shape[-1]) for v in vectors)
        added = np.sum(kernel * shift, axis=tuple(range(kernel.ndim - 1)))
        return biased(w | {"kernel": kernel * scale}, w.get("bias", 0) + added)

    return Edit("input", affine, transform, use_bias(layer, affine))


def _per_group(vector: Array, groups: int, filters: int) -> Array:
    """One value per (input channel within the group, output channel)."""
    return np.repeat(vector.reshape(groups, -1).T, filters // groups, axis=1)


@absorb_input.rule(*TRANSPOSED)
def _transposed_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """A shift passes only a 1x1 kernel with stride 1: else the taps per output differ."""
    layer = call.operation
    if affine.has_shift and {*layer.kernel_size, *layer.strides} != {1}:
        raise CannotFold("padding", f"'{call.name}' adds a varying number of taps per position")
    layer, scale, shift = _input_vectors(call, affine)

    def transform(w: Weights) -> Weights:
        kernel = w["kernel"]
        added = np.sum(kernel * shift, axis=(*range(kernel.ndim - 2), -1))
        return biased(w | {"kernel": kernel * scale}, w.get("bias", 0) + added)

    return Edit("input", affine, transform, use_bias(layer, affine))


@absorb_input.rule(*DEPTHWISE)
def _depthwise_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    layer, scale, shift = _input_vectors(call, affine)

    def transform(w: Weights) -> Weights:
        kernel = w["kernel"]
        added = np.sum(kernel * shift[:, None], axis=tuple(range(kernel.ndim - 2))).ravel()
        return biased(w | {"kernel": kernel * scale[:, None]}, w.get("bias", 0) + added)

    return Edit("input", affine, transform, use_bias(layer, affine))


@absorb_input.rule(*SEPARABLE)
def _separable_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    layer, scale, shift = _input_vectors(call, affine)

    def transform(w: Weights) -> Weights:
        kernel, pointwise = w["depthwise_kernel"], w["pointwise_kernel"]
        depthwise = np.sum(kernel * shift[:, None], axis=tuple(range(kernel.ndim - 2))).ravel()
        added = depthwise @ pointwise.reshape(depthwise.size, -1)
        return biased(w | {"depthwise_kernel": kernel * scale[:, None]}, w.get("bias", 0) + added)

    return Edit("input", affine, transform, use_bias(layer, affine))
