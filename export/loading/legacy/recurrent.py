"""Weights that mean something else in Keras 3: of CuDNN layers, and before hard sigmoids."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from export.base.errors import InputError
from export.loading.legacy.upgrades import HARD_SIGMOID_STEEPER
from fold.keras_graph.internals import all_layers

LSTM_GATES, GRU_GATES = 4, 3
CANDIDATE = {4: 2, 3: 2, 1: 0}
"""The gate that the layer's `activation` is for, by the number of gates."""


def from_cudnn(slots: Sequence[tuple[keras.Layer, Any]], values: list[Any]) -> list[Any]:
    """The values, with those of a CuDNN cell in the layout of a plain one.

    CuDNN keeps the matrices of each gate transposed and two biases that are added; there are as
    many weights, so the shape of the bias tells.
    """
    values = list(values)
    for index, (layer, variable) in enumerate(slots):
        bias = values[index]
        gates = LSTM_GATES if isinstance(layer, keras.layers.LSTMCell) else GRU_GATES
        if variable.name != "bias" or not isinstance(layer, RECURRENT_CELLS) or bias.ndim != 1:
            continue
        if bias.shape != (2 * gates * layer.units,):
            continue
        values[index - 2] = _each_gate(values[index - 2], gates, _row_major)
        values[index - 1] = _each_gate(values[index - 1], gates, np.transpose)
        halves = bias.reshape(2, -1)
        values[index] = halves.sum(0) if gates == LSTM_GATES else halves
    return values


def keep_hard_sigmoids(model: keras.Model) -> None:
    """Multiplies what goes into a hard sigmoid by 1.2: the one of Keras 3 is less steep by that."""
    hard = keras.activations.hard_sigmoid
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Activation | keras.layers.RNN):
            continue
        if hasattr(layer, "recurrent_kernel"):
            _scale_cell(layer, hard)
        elif getattr(layer, "activation", None) is hard:
            names = [name for name in LAST_KERNELS if getattr(layer, name, None) is not None]
            if not names:
                raise InputError(f"layer {layer.name!r} has a hard sigmoid that can't be kept")
            _scale(getattr(layer, names[0]), [HARD_SIGMOID_STEEPER])
            _scale(layer.bias, [HARD_SIGMOID_STEEPER])


def _scale_cell(cell: Any, hard: Callable[..., Any]) -> None:
    gates = cell.kernel.shape[-1] // getattr(cell, "filters", getattr(cell, "units", 0))
    own, recurrent = cell.activation is hard, getattr(cell, "recurrent_activation", None) is hard
    factors = [own if gate == CANDIDATE[gates] else recurrent for gate in range(gates)]
    if any(factors):
        for variable in (cell.kernel, cell.recurrent_kernel, cell.bias):
            _scale(variable, [HARD_SIGMOID_STEEPER if f else 1.0 for f in factors])


def _scale(variable: Any, factors: list[float]) -> None:
    """Multiplies as many equal parts of the last axis as there are factors."""
    if variable is not None:
        value = keras.ops.convert_to_numpy(variable)
        columns = np.repeat(factors, value.shape[-1] // len(factors)).astype(value.dtype)
        variable.assign(value * columns)


def _each_gate(matrix: Any, gates: int, change: Callable[[Any], Any]) -> Any:
    return np.hstack([change(part) for part in np.hsplit(matrix, gates)])


def _row_major(matrix: Any) -> Any:
    return matrix.reshape(matrix.shape[::-1]).T


RECURRENT_CELLS = (keras.layers.LSTMCell, keras.layers.GRUCell)
LAST_KERNELS = ("pointwise_kernel", "depthwise_kernel", "kernel")
