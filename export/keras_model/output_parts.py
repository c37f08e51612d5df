"""What an output is joined from: boxes and scores in one tensor have scales of their own."""

from typing import Any

import keras
import numpy as np

from export.base.parts import Parts
from export.keras_model.output_scale import SATURATING
from export.keras_model.ports import outputs
from fold.keras_graph.internals import history, nodes_of

OPERATIONS = {"Sigmoid", "HardSigmoid", "Softplus", "Softmax"}
ACTIVATIONS = {*SATURATING, keras.activations.softmax}
LIMIT = 1 << 22


def parts(model: keras.Model) -> dict[str, Parts]:
    """The parts of each output that is a concatenation, seen through reshaping; by name."""
    tensors = keras.tree.flatten(model.outputs)
    names = [port.name for port in outputs(model)]
    found = {name: _parts(tensor) for name, tensor in zip(names, tensors, strict=True)}
    return {name: each for name, each in found.items() if each is not None}


def _parts(tensor: Any) -> Parts | None:
    units: list[float] = []
    labels = _labels(tensor, units)
    return Parts(labels, tuple(units)) if labels is not None and len(units) > 1 else None


def _labels(tensor: Any, units: list[float]) -> np.ndarray | None:
    """The part of each element of one example; None where that can't be told."""
    shape = tuple(tensor.shape[1:])
    if None in shape or np.prod(shape, dtype=float) > LIMIT:
        return None
    operation, node, index = history(tensor)
    if isinstance(operation, keras.Model):
        made = keras.tree.flatten(getattr(operation, "outputs", []))
        return _labels(made[index], units) if index < len(made) else None
    rule = RULES.get(type(operation).__name__)
    if rule is None:
        units.append(_unit(operation))
        return np.full(shape, len(units) - 1, np.int32)
    before = [_labels(each, units) for each in nodes_of(operation)[node].input_tensors]
    known = [each for each in before if each is not None]
    return rule(operation, known, shape) if len(known) == len(before) else None


def _unit(operation: Any) -> float:
    known = type(operation).__name__ in OPERATIONS
    return float(known or getattr(operation, "activation", None) in ACTIVATIONS)


def _joined(operation: Any, given: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray | None:
    axis = operation.axis if operation.axis < 0 else operation.axis - 1
    if operation.axis == 0:
        return None
    return np.concatenate(given, axis)


def _permuted(operation: Any, given: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return given[0].transpose([axis - 1 for axis in operation.dims])


def _reshaped(operation: Any, given: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return given[0].reshape(shape)


def _same(operation: Any, given: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return given[0]


RULES = {
    "Concatenate": _joined,
    "Dropout": _same,
    "Flatten": _reshaped,
    "Identity": _same,
    "Permute": _permuted,
    "Reshape": _reshaped,
}
