"""What a Keras model calls its inputs and outputs; the one place that decides names."""

from collections import Counter
from typing import Any

import keras
import numpy as np

from export.artifact import Port


def inputs(model: keras.Model) -> tuple[Port, ...]:
    """The inputs in the order of `model.inputs`: dict key where there is one, else layer name.

    (A tensor's own name is that of its layer, or numbered anew in each process.)
    """
    return _ports(getattr(model, "_inputs_struct", model.inputs), model.inputs)


def outputs(model: keras.Model) -> tuple[Port, ...]:
    """The outputs in the order of `model.outputs`: dict key, else the name of the layer.

    A layer with several outputs lends its name to all: `lstm`, `lstm_1`, `lstm_2`.
    """
    return _ports(getattr(model, "_outputs_struct", model.outputs), model.outputs)


def pack(model: keras.Model, feeds: dict[str, Any]) -> Any:
    """Values by input name in the structure that `model` takes as its first argument."""
    flat = [feeds[port.name] for port in inputs(model)]
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        return flat[0] if len(flat) == 1 else flat
    return keras.tree.pack_sequence_as(structure, flat)


def unpack(model: keras.Model, result: Any) -> dict[str, np.ndarray]:
    """What `model` returned as arrays by output name."""
    flat = keras.tree.flatten(result)
    arrays = [keras.ops.convert_to_numpy(value) for value in flat]
    return {port.name: array for port, array in zip(outputs(model), arrays, strict=True)}


def _ports(structure: Any, tensors: list[Any]) -> tuple[Port, ...]:
    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    names = _unique([_key(path) or _layer_name(t) for path, t in zip(paths, tensors, strict=True)])
    return tuple(
        Port(name, name, index, tuple(tensor.shape), str(tensor.dtype))
        for index, (name, tensor) in enumerate(zip(names, tensors, strict=True))
    )


def _key(path: tuple[Any, ...]) -> str:
    """The dict keys on the way to a tensor; empty when it is in lists only."""
    return "/".join(str(step) for step in path) if any(isinstance(s, str) for s in path) else ""


def _layer_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _unique(names: list[str]) -> list[str]:
    """Repeated names get `_1`, `_2`, ..., as Keras numbers layers."""
    taken, result = set(names), []
    seen: Counter[str] = Counter()
    for name in names:
        number, unique = seen[name], name
        while unique in taken and number:
            unique, number = f"{name}_{number}", number + 1
        seen[name] = max(number, 1)
        taken.add(unique)
        result.append(unique)
    return result
