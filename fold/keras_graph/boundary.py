"""Where a model begins and ends: inputs like given ones, and results under given names."""

from __future__ import annotations

from itertools import count
from typing import Any

import keras
from keras.src.ops.function import map_graph


def input_like(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """A new input of the same name, shape and dtype."""
    source = tensor._keras_history.operation
    return keras.Input(
        batch_shape=tensor.shape,
        dtype=tensor.dtype,
        sparse=tensor.sparse,
        name=source.name,
        optional=getattr(source, "optional", False),
    )


def with_names(inputs: Any, outputs: Any, names: tuple[str, ...]) -> Any:
    """The outputs; an Identity takes the name of a last layer that went.

    A layer that bears the name of an output which it does not give is renamed.
    """
    flat = keras.tree.flatten(outputs)
    wrong = {n for n, t in zip(names, flat, strict=True) if t._keras_history.operation.name != n}
    if not wrong:
        return outputs
    operations = map_graph(keras.tree.flatten(inputs), flat)[2]
    taken = {operation.name for operation in operations}
    for operation in operations:
        if operation.name in wrong and isinstance(operation, keras.layers.InputLayer):
            wrong.remove(operation.name)
        elif operation.name in wrong:
            fresh = (f"{operation.name}_{i}" for i in count(1))
            operation.name = next(name for name in fresh if name not in taken)
            taken.add(operation.name)
    identities: dict[str, keras.Layer] = {}
    for i, name in enumerate(names):
        if name in wrong:
            if name not in identities:
                identities[name] = keras.layers.Identity(name=name, dtype=flat[i].dtype)
            flat[i] = identities[name](flat[i])
    return keras.tree.pack_sequence_as(outputs, flat)
