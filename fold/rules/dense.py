"""Dense and Embedding, and what every layer with a kernel and a bias needs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.layers import Dense, Embedding

from fold.affine import Affine, Array, CannotFold
from fold.graph import Call
from fold.rules.table import Edit, Weights, absorb_input, absorb_output


def require_plain(call: Call) -> Any:
    """The layer; refuses quantised weights and LoRA."""
    layer = call.operation
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        raise CannotFold("quantized", f"'{call.name}' is quantised or has LoRA weights")
    return layer


def require_linear(call: Call, affine: Affine) -> Any:
    """The layer; refuses one whose own activation the affine can't pass."""
    layer = require_plain(call)
    if layer.activation is keras.activations.linear:
        return layer
    homogeneous = layer.activation in (keras.activations.relu, keras.activations.leaky_relu)
    if homogeneous and not affine.has_shift and (affine.scale >= 0).all():
        return layer
    kind = getattr(layer.activation, "__name__", "an activation")
    raise CannotFold("fused_activation", f"'{call.name}' applies {kind} itself")


def biased(weights: Weights, bias: Array, name: str = "bias") -> Weights:
    """The weights with that bias, unless there was none and it is zero."""
    if name not in weights and not np.any(bias):
        return weights
    return weights | {name: bias}


def use_bias(layer: Any, affine: Affine) -> dict[str, Any]:
    """The setting a layer without a bias needs to take a shift."""
    return {"use_bias": True} if affine.has_shift and not layer.use_bias else {}


@absorb_output.rule(Dense)
def _dense_output(call: Call, affine: Affine) -> Edit:
    """`affine(x @ W + b) = x @ (W * s) + (b * s + d)`."""
    layer = require_linear(call, affine)
    scale, shift = affine.along(-1, layer.units)

    def transform(w: Weights) -> Weights:
        return biased(w | {"kernel": w["kernel"] * scale}, w.get("bias", 0) * scale + shift)

    return Edit("output", affine, transform, use_bias(layer, affine))


@absorb_input.rule(Dense)
def _dense_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """`affine(x) @ W + b = x @ (s * W) + (b + d @ W)`."""
    layer = require_plain(call)
    scale, shift = affine.along(-1, call.input.shape[-1])

    def transform(w: Weights) -> Weights:
        kernel = w["kernel"]
        return biased(w | {"kernel": scale[:, None] * kernel}, w.get("bias", 0) + shift @ kernel)

    return Edit("input", affine, transform, use_bias(layer, affine))


@absorb_output.rule(Embedding)
def _embedding_output(call: Call, affine: Affine) -> Edit:
    layer = require_plain(call)
    scale, shift = affine.along(-1, layer.output_dim)
    return Edit("output", affine, lambda w: w | {"embeddings": w["embeddings"] * scale + shift})
