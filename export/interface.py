"""The Keras names of a model's inputs and outputs, one per tensor, and values in that order."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from export.errors import InputError


def input_names(model: keras.Model) -> list[str]:
    """The names of the model's inputs, in the order of `model.inputs`, made unique."""
    return _unique([tensor.name for tensor in model.inputs])


def output_names(model: keras.Model) -> list[str]:
    """The names of the model's outputs, in the order of `keras.tree.flatten(model.outputs)`.

    An output in a dict has its key for a name ("a/b" where dicts are nested), any other one the
    name of the layer that made it, as Keras' own `output_names`. A name that occurs again is made
    unique by a suffix.
    """
    functional = getattr(model, "_functional", None) or model
    layers = list(functional.output_names)
    keys = _keys(functional._outputs_struct)
    return _unique([key or layer for key, layer in zip(keys, layers, strict=True)])


def named_inputs(model: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """`inputs` (an array, a sequence or a dict by name) as arrays of the model's dtypes, by name.

    Raises:
        InputError: a name, the number of arrays or a shape does not fit.
    """
    names = input_names(model)
    given = _by_name(names, inputs)
    wanted = dict(zip(names, model.inputs, strict=True))
    return {name: _fit(name, given[name], wanted[name]) for name in names}


def _by_name(names: list[str], inputs: Any) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        if set(inputs) != set(names):
            raise InputError(f"inputs are named {sorted(inputs)}; the model's are {sorted(names)}")
        return dict(inputs)
    several = isinstance(inputs, Sequence) and (len(names) > 1 or len(inputs) == 1)
    values = list(inputs) if several else [inputs]
    if len(values) != len(names):
        raise InputError(f"{len(values)} input arrays given; the model takes {len(names)}: {names}")
    return dict(zip(names, values, strict=True))


def _fit(name: str, value: Any, tensor: Any) -> np.ndarray:
    array = np.asarray(value)
    pairs = zip(array.shape[1:], tensor.shape[1:], strict=False)
    if array.ndim != len(tensor.shape) or any(d is not None and n != d for n, d in pairs):
        raise InputError(f"input {name!r} has shape {array.shape}; the model takes {tensor.shape}")
    return array if tensor.dtype == "string" else array.astype(tensor.dtype)


def _keys(structure: Any, prefix: str = "") -> list[str]:
    """The path of dict keys to each leaf, "" for leaves in no dict; in Keras' flatten order."""
    if isinstance(structure, Mapping):
        return [
            leaf or path
            for key in sorted(structure)
            for path in [f"{prefix}/{key}" if prefix else str(key)]
            for leaf in _keys(structure[key], path)
        ]
    if isinstance(structure, list | tuple):
        return [key for part in structure for key in _keys(part, prefix)]
    return [prefix]


def _unique(names: list[str]) -> list[str]:
    unique: list[str] = []
    for name in names:
        candidates = (f"{name}_{count}" if count else name for count in range(len(names)))
        unique.append(next(candidate for candidate in candidates if candidate not in unique))
    return unique
