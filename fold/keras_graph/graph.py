"""A model as one flat list of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras

from fold.affine import Shape


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor of the graph."""

    shape: Shape
    dtype: str

    @property
    def example(self) -> Shape:
        """Shape of one example: without the batch axis."""
        return self.shape[1:]

    @property
    def rank(self) -> int:
        """Rank of one example."""
        return len(self.shape) - 1


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one layer or operation; `args` and `kwargs` hold `Value` leaves.

    `opaque` says why a custom layer was not looked into; `masked` whether Keras hands on a mask
    with one of the inputs.
    """

    operation: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Value, ...]
    scope: tuple[str, ...] = ()
    opaque: str = ""
    masked: bool = False

    @property
    def name(self) -> str:
        """Name of the layer."""
        return str(self.operation.name)

    @cached_property
    def inputs(self) -> tuple[Value, ...]:
        """Every tensor among the arguments, in order; one read twice stands twice."""
        leaves = keras.tree.flatten((self.args, self.kwargs))
        return tuple(leaf for leaf in leaves if isinstance(leaf, Value))

    @property
    def input(self) -> Value:
        """The tensor it works on; a mask may come after it."""
        return self.inputs[0]

    @property
    def reads_only_input(self) -> bool:
        """Whether it reads nothing but its input and perhaps a mask."""
        mask = self.kwargs.get("mask")
        return len(self.outputs) == 1 and all(value is mask for value in self.inputs[1:])

    @property
    def output(self) -> Value:
        """The only output."""
        (value,) = self.outputs
        return value

    def filled(self, fill: Callable[[Value], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with every tensor replaced by `fill(tensor)`."""
        args, kwargs = keras.tree.map_structure(
            lambda leaf: fill(leaf) if isinstance(leaf, Value) else leaf, (self.args, self.kwargs)
        )
        return args, kwargs


@dataclass(frozen=True, eq=False)
class Expansion:
    """One call of a composite layer, and the calls that together do the same."""

    whole: Call
    parts: tuple[Call, ...]


@dataclass(frozen=True, eq=False)
class Graph:
    """Calls in the order in which they can run, and who reads what.

    `inputs` and `outputs` are in the order of Keras' flattened structures; the structures
    themselves hold the same `Value` leaves. Of nested expansions the outer one comes first.
    """

    calls: tuple[Call, ...]
    inputs: Any
    outputs: Any
    input_tensors: tuple[keras.KerasTensor, ...]
    output_names: tuple[str, ...]
    expansions: tuple[Expansion, ...] = ()
    index: dict[Call, int] = field(init=False)
    producer: dict[Value, Call] = field(init=False)
    readers: dict[Value, tuple[Call, ...]] = field(init=False)
    calls_of: dict[keras.Operation, tuple[Call, ...]] = field(init=False)
    results: frozenset[Value] = field(init=False)

    def __post_init__(self) -> None:
        """Derives the tables of producers and readers."""
        readers: dict[Value, dict[Call, None]] = {}
        calls_of: dict[keras.Operation, list[Call]] = {}
        for call in self.calls:
            calls_of.setdefault(call.operation, []).append(call)
            for value in call.inputs:
                readers.setdefault(value, {})[call] = None
        derived = {
            "index": {call: i for i, call in enumerate(self.calls)},
            "producer": {value: call for call in self.calls for value in call.outputs},
            "readers": {value: tuple(calls) for value, calls in readers.items()},
            "calls_of": {op: tuple(calls) for op, calls in calls_of.items()},
            "results": frozenset(keras.tree.flatten(self.outputs)),
        }
        for name, table in derived.items():
            object.__setattr__(self, name, table)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in that order."""
        return [tensor._keras_history.operation.name for tensor in self.input_tensors]

    @property
    def input_values(self) -> list[Value]:
        """The flat list of inputs."""
        return list(keras.tree.flatten(self.inputs))

    def read_by(self, value: Value) -> tuple[Call, ...]:
        """The calls that read this tensor."""
        return self.readers.get(value, ())
