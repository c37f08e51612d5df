"""Dense and Embedding."""

from __future__ import annotations

from keras.layers import Dense, Embedding

from fold.affine import Affine, Weights
from fold.keras_graph.graph import Call
from fold.rules.table import Edit, absorb_input, absorb_output
from fold.rules.weighted import biased, require_linear, require_plain, use_bias


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
