"""What a Keras model calls its inputs and outputs; the one place that decides names."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import keras
import numpy as np

from export.base.artifact import Port
from fold.keras_graph.internals import maker_of


def inputs(model: keras.Model) -> tuple[Port, ...]:
    """The inputs in the order of `model.inputs`: dict key where there is one, else layer name.

    (A tensor's own name is that of its layer, or numbered anew in each process.)
    """
    return _ports(getattr(model, "_inputs_struct", model.inputs), model.inputs)


def outputs(model: keras.Model) -> tuple[Port, ...]:
    """The outputs in the order of `model.outputs`: dict key, else the name of the layer.

    A layer with several outputs lends its name to all: `lstm`, `lstm_1`, `lstm_2`; so does an input
    that is an output too.
    """
    taken = [port.name for port in inputs(model)]
    return _ports(getattr(model, "_outputs_struct", model.outputs), model.outputs, taken)


def pack(model: keras.Model, feeds: dict[str, Any]) -> Any:
    """Values by input name in the structure that `model` takes as its first argument."""
    return arrange(model, [feeds[port.name] for port in inputs(model)])


def arrange(model: keras.Model, flat: list[Any]) -> Any:
    """Values in the order of `model.inputs` in the structure that `model` takes."""
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        return flat[0] if len(flat) == 1 else flat
    return keras.tree.pack_sequence_as(structure, flat)


def unpack(model: keras.Model, result: Any) -> dict[str, np.ndarray]:
    """What `model` returned as arrays by output name."""
    flat = keras.tree.flatten(result)
    arrays = [keras.ops.convert_to_numpy(value) for value in flat]
    return {port.name: array for port, array in zip(outputs(model), arrays, strict=True)}


def _ports(structure: Any, tensors: list[Any], taken: Sequence[str] = ()) -> tuple[Port, ...]:
    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    names = [_key(path) or _layer_name(t) for path, t in zip(paths, tensors, strict=True)]
    return tuple(
        Port(name, name, index, tuple(tensor.shape), str(tensor.dtype))
        for index, (name, tensor) in enumerate(zip(_unique(names, taken), tensors, strict=True))
    )


def _key(path: tuple[Any, ...]) -> str:
    """The dict keys on the way to a tensor; empty when it is in lists only."""
    return "/".join(str(step) for step in path) if any(isinstance(s, str) for s in path) else ""


def _layer_name(tensor: Any) -> str:
    return str(maker_of(tensor).name)


def _unique(names: list[str], taken: Sequence[str]) -> list[str]:
    """A name that was given away already gets the next free of `_1`, `_2`, ..."""
    given = set(taken)
    result = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1) if f"{name}_{number}" not in names)
        unique = name if name not in given else next(n for n in numbered if n not in given)
        given.add(unique)
        result.append(unique)
    return result
