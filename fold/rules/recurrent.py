"""Recurrent layers, on the side of the sequence they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, Array, CannotFold, Shape, Weights
from fold.keras_graph.graph import Call
from fold.rules.conv import channel_axis, require_no_border
from fold.rules.table import Edit, absorb_input
from fold.rules.weighted import biased, require_plain, within

DENSE_CELLS = {
    layers.LSTM: layers.LSTMCell,
    layers.GRU: layers.GRUCell,
    layers.SimpleRNN: layers.SimpleRNNCell,
}
CONV_CELLS = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)


@absorb_input.rule(*DENSE_CELLS, *CONV_CELLS)
def _recurrent_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """`cell(s * x_t + d)` at each step: the input kernel takes s, the input bias `d @ kernel`."""
    layer = require_plain(call)
    _require_sequence_only(call, positions)
    transform, config = _input_of(layer, affine, call, call.inputs[0].example)
    return Edit("input", affine, transform, config)


@absorb_input.rule(layers.Bidirectional)
def _bidirectional_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    """Both directions read the same sequence."""
    layer = require_plain(call)
    _require_sequence_only(call, positions)
    directions = [layer.forward_layer, layer.backward_layer]
    if any(type(x) not in (*DENSE_CELLS, *CONV_CELLS) for x in directions):
        raise CannotFold("unknown_layer", f"'{call.name}' wraps a layer without a rule")
    parts = [_input_of(x, affine, call, call.inputs[0].example) for x in directions]

    def transform(w: Weights) -> Weights:
        for inner, (change, _) in zip(directions, parts, strict=True):
            w = within(w, inner.name, change)
        return w

    wrapped = ("layer", "backward_layer")
    config = {f"{at}.config.{k}": v for at in wrapped for k, v in parts[0][1].items()}
    return Edit("input", affine, transform, config)


def _require_sequence_only(call: Call, positions: tuple[int, ...]) -> None:
    if positions != (0,):
        raise CannotFold("unknown_layer", f"'{call.name}' reads it as a state, not as a sequence")


def _input_of(
    layer: Any, affine: Affine, call: Call, shape: Shape
) -> tuple[Callable[[Weights], Weights], dict[str, Any]]:
    """How one recurrent layer's weights change, and its settings."""
    step = affine.constant_over((0,)).map(lambda a: a[0])
    convolutional = type(layer) in CONV_CELLS
    if convolutional:
        require_no_border(call, affine, layer)
    elif type(layer.cell) is not DENSE_CELLS[type(layer)]:
        raise CannotFold("subclass", f"'{call.name}' has a cell of its own kind")
    axis = channel_axis(layer) if convolutional else -1
    scale, shift = step.along(axis, shape[axis])
    names = [f"{layer.cell.name}/{part}" for part in ("kernel", "bias")]

    def transform(w: Weights) -> Weights:
        kernel, old = w[names[0]], w.get(names[1])
        summed = tuple(range(kernel.ndim - 1))
        added = np.sum(kernel * shift[:, None], axis=summed)
        scaled = w | {names[0]: kernel * scale[:, None]}
        return biased(scaled, _with_input_bias(layer, old, added), names[1])

    needs_bias = affine.has_shift and not layer.use_bias
    return transform, {"use_bias": True} if needs_bias else {}


def _with_input_bias(layer: Any, old: Array | None, added: Array) -> Array:
    """A GRU with `reset_after` keeps the input's and the recurrent bias in two rows."""
    if type(layer) is layers.GRU and layer.reset_after:
        added = np.stack([added, np.zeros_like(added)])
    return added if old is None else old + added
