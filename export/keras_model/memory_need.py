"""How much memory a run of a model takes, known from its shapes before anything is run."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import keras
import numpy as np

from export.base.artifact import Port
from export.base.errors import InputError
from export.keras_model.ports import inputs as ports_of
from export.processes.memory import usable
from fold.keras_graph.internals import nodes_by_depth

INPUTS = 1 << 30
"""Bytes of random inputs. A first layer holds several times that, and so on: no machine does."""


def refuse_large_inputs(ports: Sequence[Port], examples: int, size: int) -> None:
    """Raises InputError when random inputs of these shapes, `size` where open, are huge."""
    count = sum(prod(extent or size for extent in port.shape[1:]) for port in ports)
    if 8 * examples * count > INPUTS:
        raise InputError(
            f"{examples} examples of the inputs that the model declares take "
            f"{8 * examples * count / 2**30:.1f} GiB; declare smaller ones, or leave sides open"
        )


def refuse_large_run(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> None:
    """Raises InputError when a run on these inputs takes more memory than there is.

    Keras keeps what every layer gives until the last one is done.
    """
    examples = max(len(values) for values in inputs.values())
    width = max(values.itemsize for values in inputs.values())
    need = width * examples * _elements(model, _open_size(model, inputs))
    if need > (free := usable()):
        raise InputError(
            f"a run of the model on {examples} example(s) takes about {need / 2**30:.1f} GiB of "
            f"memory, and {free / 2**30:.1f} are free; declare smaller inputs, or close other "
            "programs"
        )


def _open_size(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> int:
    sizes = [
        given
        for port in ports_of(model)
        for given, declared in zip(inputs[port.name].shape[1:], port.shape[1:], strict=False)
        if declared is None
    ]
    return max(sizes, default=1)


def _elements(model: keras.Model, size: int) -> int:
    """Numbers that all layers give for one example; attention also holds a score for each pair."""
    graph = getattr(model, "_functional", None) or model
    total = 0
    for node in (node for nodes in nodes_by_depth(graph).values() for node in nodes):
        total += sum(_count(tensor, size) for tensor in node.outputs)
        if hasattr(node.operation, "_nodes_by_depth") or hasattr(node.operation, "_functional"):
            total += _elements(node.operation, size)
        elif "Attention" in type(node.operation).__name__ and len(node.input_tensors) > 1:
            query, value = (tensor.shape[1:-1] for tensor in node.input_tensors[:2])
            total += _heads(node.operation) * prod(n or size for n in (*query, *value))
    return total


def _count(tensor: Any, size: int) -> int:
    return prod(extent or size for extent in tensor.shape[1:])


def _heads(layer: Any) -> int:
    return int(getattr(layer, "num_heads", getattr(layer, "num_query_heads", 1)))
