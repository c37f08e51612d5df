"""MultiHeadAttention: its projections read, and its output projection writes, linearly."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, CannotFold, Weights
from fold.keras_graph.graph import Call
from fold.rules.table import Edit, absorb_input, absorb_output
from fold.rules.weighted import biased, require_plain, use_bias


@absorb_input.rule(layers.MultiHeadAttention)
def _attention_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """Every projection of query, key and value that reads the tensor takes the affine."""
    layer = require_plain(call)
    value = call.inputs[positions[0]]
    scale, shift = affine.along(-1, value.shape[-1])
    roles = _roles(call)
    reading = [role for role, tensor in roles.items() if tensor is value]
    if sum(leaf is value for leaf in call.inputs) != len([r for r in _given(call) if r in reading]):
        raise CannotFold("unknown_layer", f"'{call.name}' reads it as a mask, too")

    def transform(w: Weights) -> Weights:
        for role in reading:
            kernel, bias = w[f"{role}/kernel"], w.get(f"{role}/bias", 0)
            added = np.tensordot(shift, kernel, 1)
            w = biased(
                w | {f"{role}/kernel": kernel * scale[:, None, None]}, bias + added, f"{role}/bias"
            )
        return w

    return Edit("input", affine, transform, use_bias(layer, affine))


def _given(call: Call) -> dict[str, Any]:
    signature = inspect.signature(call.operation.call)
    bound = signature.bind(*call.args, **call.kwargs).arguments
    return {role: bound[role] for role in ("query", "key", "value") if bound.get(role) is not None}


def _roles(call: Call) -> dict[str, Any]:
    given = _given(call)
    return {"key": given["value"], **given}


@absorb_output.rule(layers.MultiHeadAttention)
def _attention_output(call: Call, affine: Affine) -> Edit:
    layer = require_plain(call)
    scale, shift = affine.along(-1, call.output.shape[-1])
    name = "attention_output"

    def transform(w: Weights) -> Weights:
        bias = w.get(f"{name}/bias", 0) * scale + shift
        return biased(w | {f"{name}/kernel": w[f"{name}/kernel"] * scale}, bias, f"{name}/bias")

    return Edit("output", affine, transform, use_bias(layer, affine))
