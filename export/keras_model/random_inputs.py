"""Seeded inputs that suit a model: several ranges, valid indices, the sizes it leaves open."""

from typing import Any

import keras
import numpy as np

from export.base.artifact import Port
from export.base.errors import InputError
from export.keras_model.memory_need import refuse_large_inputs
from export.keras_model.ports import inputs
from fold.keras_graph.internals import all_layers, nodes_by_depth

STEP = 64
RANGES = ("normal", "unit", "zeros", "ones", "large")
BYTES = "bytes"


def ranges_for(model: keras.Model) -> tuple[str, ...]:
    """The ranges to try; 0 to 255 as well when the model scales its input itself."""
    return (*RANGES, BYTES) if scales_its_input(model) else RANGES


def scales_its_input(model: keras.Model) -> bool:
    """Whether there are layers in it that make small numbers of pixels."""
    scaling = keras.layers.Rescaling, keras.layers.Normalization, keras.layers.Discretization
    return any(isinstance(layer, scaling) for layer in all_layers(model))


def draw(
    model: keras.Model, ranges: tuple[str, ...], seed: int, size: int = 32
) -> dict[str, np.ndarray]:
    """One example per entry of `ranges`, stacked, by input name; open dimensions become `size`.

    Floating values are rounded to 1/64: they compress well and are exact in float16.

    Raises:
        InputError: an input holds strings, or is huge.
    """
    refuse_large_inputs(inputs(model), len(ranges), size)
    rng = np.random.default_rng(seed)
    limits = index_limits(model)
    return {
        port.name: np.stack(
            [_example(rng, port, each, limits.get(port.name), size) for each in ranges]
        )
        for port in inputs(model)
    }


def index_limits(model: keras.Model) -> dict[str, int]:
    """For each input that is used as an index (of an Embedding, say): the number of valid ones."""
    graph = getattr(model, "_functional", None) or model
    found: dict[str, int] = {}
    for port, tensor in zip(inputs(model), graph.inputs, strict=True):
        limits = [_limit(reader, at) for reader, at in _readers(graph, tensor)]
        if known := [limit for limit in limits if limit]:
            found[port.name] = min(known)
    return found


def _readers(graph: keras.Model, tensor: Any) -> list[tuple[Any, int]]:
    return [
        (node.operation, position)
        for nodes in nodes_by_depth(graph).values()
        for node in nodes
        for position, argument in enumerate(node.input_tensors)
        if argument is tensor
    ]


def _limit(layer: Any, position: int) -> int | None:
    """How many indices the layer takes; looks into nested models."""
    if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
        return index_limits(layer).get(inputs(layer)[position].name)
    for attribute in ("input_dim", "num_tokens"):
        if isinstance(size := getattr(layer, attribute, None), int):
            return size
    return None


def _example(
    rng: np.random.Generator, port: Port, label: str, limit: int | None, size: int
) -> np.ndarray:
    shape = [extent or size for extent in port.shape[1:]]
    if port.dtype == "string":
        raise InputError(
            f"input {port.name!r} holds strings, which the files can't take; export the part of "
            "the model behind the layers that read them"
        )
    if limit is None and "float" in port.dtype:
        return _real(rng, shape, label).astype(port.dtype)
    limit = limit or (256 if port.dtype == "uint8" else 2)
    return _index(rng, shape, label, limit).astype(port.dtype)


def _real(rng: np.random.Generator, shape: list[int], label: str) -> np.ndarray:
    match label:
        case "normal":
            values = rng.normal(size=shape)
        case "unit":
            values = rng.uniform(size=shape)
        case "large":
            values = 100 * rng.normal(size=shape)
        case "bytes":
            return rng.integers(0, 256, shape).astype(np.float64)
        case _:
            return np.full(shape, float(label == "ones"))
    return np.round(values * STEP) / STEP


def _index(rng: np.random.Generator, shape: list[int], label: str, limit: int) -> np.ndarray:
    match label:
        case "zeros":
            return np.zeros(shape)
        case "ones":
            return np.full(shape, min(1, limit - 1))
        case "large":
            return np.full(shape, limit - 1)
    return rng.integers(0, limit, shape)
