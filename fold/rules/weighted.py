"""What every layer with a kernel and a bias needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from fold.affine import Affine, Array, CannotFold, Weights
from fold.keras_graph.graph import Call


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


def within(weights: Weights, name: str, change: Callable[[Weights], Weights]) -> Weights:
    """Applies `change` to the weights of the layer `name` inside a wrapper."""
    prefix = f"{name}/"
    inner = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    return weights | {prefix + k: v for k, v in change(inner).items()}
