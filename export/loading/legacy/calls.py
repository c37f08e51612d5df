"""The calls in a functional model of Keras 2, repeated on the layers of Keras 3."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import keras

from export.base.error_text import sentence
from export.base.errors import InputError
from fold.keras_graph.internals import maker_of, nodes_of

CONSTANT = "_CONSTANT_VALUE"
RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
STRUCTURE_KEPT = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceProperty")


class Calls:
    """Runs each call as soon as what it reads is there.

    Args:
        nodes: of the old configuration, with "name", "class_name", "config", "inbound_nodes".
        layers: what to call, by the old name.
        names: the new name by the old.
    """

    def __init__(
        self, nodes: list[dict[str, Any]], layers: dict[str, Any], names: dict[str, str]
    ) -> None:
        self._nodes, self._layers, self._names = nodes, layers, names
        self._results: dict[str, list[list[Any]]] = {node["name"]: [] for node in nodes}
        self._known = {id(layer) for layer in layers.values()}
        self._skipped = {node["name"]: _starts_called(node) for node in nodes}

    def run(self) -> None:
        """Makes all calls.

        Raises:
            InputError: one reads what is never made.
        """
        for node in self._nodes:
            if node["class_name"] == "InputLayer":
                self._results[node["name"]].append([self._layers[node["name"]].output])
        waiting = [(node, list(node["inbound_nodes"])) for node in self._nodes]
        while waiting := [(node, calls) for node, calls in waiting if calls]:
            before = sum(len(calls) for _, calls in waiting)
            for node, calls in waiting:
                while calls and self._ready(calls[0]):
                    self._call(node, calls.pop(0))
            if sum(len(calls) for _, calls in waiting) == before:
                name = waiting[0][0]["name"]
                raise InputError(f"layer {name!r} reads what no layer of the model makes")

    def tensor(self, reference: list[Any]) -> Any:
        """What a reference [layer, call, output] stands for."""
        if reference[0] == CONSTANT:
            return reference[2]
        return self._results[reference[0]][self._index(reference)][reference[2]]

    def _index(self, reference: list[Any]) -> int:
        """A model that was made with an input counts its own making as a call."""
        return int(reference[1]) - self._skipped[reference[0]]

    def is_reference(self, value: Any) -> bool:
        """Whether a part of a configuration stands for a tensor or a constant."""
        return (
            isinstance(value, list)
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and isinstance(value[1], int)
            and (value[0] in self._results or value[0] == CONSTANT)
        )

    def _ready(self, call: Any) -> bool:
        return all(
            reference[0] == CONSTANT or self._index(reference) < len(self._results[reference[0]])
            for reference in self._references(call)
        )

    def _references(self, value: Any) -> Iterator[list[Any]]:
        if self.is_reference(value):
            yield value
            yield from self._references(value[3] if len(value) == 4 else None)
        elif isinstance(value, list | dict):
            for item in value.values() if isinstance(value, dict) else value:
                yield from self._references(item)

    def _resolve(self, value: Any) -> Any:
        return map_references(value, self.tensor, self.is_reference)

    def _call(self, node: dict[str, Any], call: Any) -> None:
        name, layer = node["name"], self._layers[node["name"]]
        arguments = next((r[3] for r in self._references(call) if len(r) == 4), None) or {}
        first = self._resolve(call)
        if node["class_name"] not in STRUCTURE_KEPT:
            first = single(first)
        arguments = {key: self._resolve(value) for key, value in arguments.items()}
        if isinstance(layer, RECURRENT) and isinstance(first, list):
            first, arguments["initial_state"] = first[0], first[1:]
        try:
            result = layer(first, **arguments)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"layer {name!r}, a {node['class_name']}, can't be called in Keras "
                f"{keras.__version__}: {reason_of(error)}"
            ) from error
        if not isinstance(layer, keras.Operation):
            self._name(result, name)
        self._results[name].append(keras.tree.flatten(result))

    def _name(self, result: Any, old: str) -> None:
        """The last operation of a function gets the name of its layer, those before it numbers."""
        tensors = [t for t in keras.tree.flatten(result) if isinstance(t, keras.KerasTensor)]
        unseen = [_maker(tensor) for tensor in tensors]
        found = []
        while unseen:
            operation = unseen.pop(0)
            if id(operation) not in self._known:
                self._known.add(id(operation))
                found.append(operation)
                unseen += [_maker(t) for node in nodes_of(operation) for t in node.input_tensors]
        taken = set(self._names.values()) - {self._names[old]}
        for operation, name in zip(found, numbered(self._names[old], taken), strict=False):
            operation.name = name


def map_references(
    value: Any, tensor: Callable[[list[Any]], Any], is_reference: Callable[[Any], bool]
) -> Any:
    """The same lists and dicts with tensors in the place of references."""
    if is_reference(value):
        return tensor(value)
    if isinstance(value, list):
        return [map_references(item, tensor, is_reference) for item in value]
    if isinstance(value, dict):
        return {key: map_references(item, tensor, is_reference) for key, item in value.items()}
    return value


def single(value: Any) -> Any:
    """A list of one stood for what is in it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def numbered(name: str, taken: set[str]) -> Iterator[str]:
    """The name, then the name with numbers, but for those that are taken."""
    candidates = (f"{name}_{number}" if number else name for number in count())
    return (candidate for candidate in candidates if candidate not in taken)


def reason_of(error: BaseException) -> str:
    """What went wrong first, where Keras wrapped it in errors of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return sentence(str(error)) or type(error).__name__


def _maker(tensor: Any) -> Any:
    return maker_of(tensor)


def _starts_called(node: dict[str, Any]) -> int:
    """1 for a model that has its input from the start: that counts as its first call."""
    config = node["config"]
    if node["class_name"] in ("Functional", "Model"):
        return 1
    if node["class_name"] != "Sequential":
        return 0
    layers = config["layers"] if isinstance(config, dict) else config
    first = layers[0] if layers else {"class_name": "InputLayer", "config": {}}
    return int(first["class_name"] == "InputLayer" or "batch_input_shape" in first["config"])
