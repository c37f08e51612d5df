"""A user's example inputs, as arrays by input name."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from export.base.artifact import Port
from export.base.errors import InputError
from export.keras_model.ports import inputs as ports_of

Arrays = dict[str, np.ndarray]


def named_inputs(model: keras.Model, given: Any) -> Arrays:
    """`given` (an array, a sequence of arrays or a dict by name) in the model's dtypes, by name.

    Raises:
        InputError: a name, the number of arrays, a shape or the number of examples does not fit.
    """
    ports = {port.name: port for port in ports_of(model)}
    arrays = {name: _fit(ports[name], value) for name, value in _by_name(ports, given).items()}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise InputError(f"inputs hold {counts} examples; give each the same number, at least one")
    return {name: arrays[name] for name in ports}


def _by_name(ports: Mapping[str, Port], given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if len(given) == len(ports) == 1:
            return dict(zip(ports, given.values(), strict=True))
        if set(given) != set(ports):
            raise InputError(f"inputs are named {sorted(given)}; the model's are {sorted(ports)}")
        return dict(given)
    several = isinstance(given, Sequence) and len(ports) > 1
    values = list(given) if several else [given]
    if len(values) != len(ports):
        raise InputError(
            f"{len(values)} input array given; the model takes {len(ports)}: {list(ports)}"
        )
    return dict(zip(ports, values, strict=True))


def _fit(port: Port, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise InputError(f"input {port.name!r} holds complex numbers; the model takes real ones")
    wanted = port.shape
    pairs = list(zip(array.shape[1:], wanted[1:], strict=False))
    if array.ndim != len(wanted) or any(size not in (None, n) for n, size in pairs):
        shape = tuple(size or "any" for size in wanted)
        raise InputError(f"input {port.name!r} has shape {array.shape}; the model takes {shape}")
    return array if port.dtype == "string" else array.astype(port.dtype)
