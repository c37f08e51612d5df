"""Nested models and composite layers -> one flat graph.

A nested Functional or Sequential model is replaced by its calls. A layer that is neither Keras'
nor known to the rules is expanded by calling it on symbolic tensors, which works when its `call`
uses Keras layers and `keras.ops` only; otherwise it stays one opaque call, with the reason.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.src.backend import get_keras_mask
from keras.src.models.functional import Functional

from fold.keras_graph.graph import Call, Expansion, Graph, Value
from fold.keras_graph.trace_call import expand
from fold.keras_graph.undisturbed import undisturbed


def read_graph(model: keras.Model, atomic: frozenset[type], prove: bool = True) -> Graph:
    """A functional model as a flat graph.

    Args:
        model: a Functional or Sequential model, for example from `as_functional`.
        atomic: layers of exactly these types are not looked into.
        prove: whether what a custom layer does is checked on numbers before it is believed.
    """
    function = function_of(model)
    assert function is not None
    walk = _Walk(atomic, prove)
    with undisturbed(model):
        tensors = tuple(function._inputs)
        values = [Value(tuple(t.shape), t.dtype) for t in tensors]
        walk.root = _only_operation(function)
        results = walk.run(function, values, scope=(), training=None)
    return Graph(
        calls=tuple(walk.calls),
        inputs=keras.tree.pack_sequence_as(function._inputs_struct, values),
        outputs=keras.tree.pack_sequence_as(function._outputs_struct, results),
        input_tensors=tensors,
        output_names=tuple(t._keras_history.operation.name for t in function._outputs),
        expansions=tuple(walk.expansions),
    )


def function_of(operation: keras.Operation) -> Functional | None:
    """The functional graph behind a model that adds nothing to it, else None."""
    if type(operation) is keras.Sequential:
        return operation._functional
    if isinstance(operation, Functional) and type(operation).call is Functional.call:
        return operation
    return None


def _only_operation(function: Functional) -> keras.Operation | None:
    """The model that a functional one was put around: where its masks end does not matter."""
    others = [x for x in function._operations if not isinstance(x, keras.layers.InputLayer)]
    return others[0] if len(others) == 1 else None


def _makes_masks(layer: keras.Layer) -> bool:
    layers = layer._flatten_layers()
    return any(isinstance(x, keras.layers.Masking) or getattr(x, "mask_zero", 0) for x in layers)


class _Walk:
    """Collects calls in running order."""

    def __init__(self, atomic: frozenset[type], prove: bool) -> None:
        self.calls: list[Call] = []
        self.expansions: list[Expansion] = []
        self.atomic = atomic
        self.prove = prove
        self.root: keras.Operation | None = None

    def run(
        self,
        function: Functional,
        values: list[Value],
        scope: tuple[str, ...],
        training: bool | None,
    ) -> list[Value]:
        known = {id(t): v for t, v in zip(function._inputs, values, strict=True)}
        for depth in sorted(function._nodes_by_depth, reverse=True):
            for node in function._nodes_by_depth[depth]:
                if node.is_input or any(id(t) not in known for t in node.input_tensors):
                    continue
                args, kwargs = node.arguments.convert(
                    lambda leaf: known[id(leaf)] if id(leaf) in known else _constant(leaf)
                )
                if training is not None and _takes_training(node.operation):
                    kwargs["training"] = training
                outputs = self.call(node, args, kwargs, scope)
                known.update({id(t): v for t, v in zip(node.outputs, outputs, strict=True)})
        return [known[id(t)] for t in function._outputs]

    def call(
        self, node: Any, args: tuple[Any, ...], kwargs: dict[str, Any], scope: tuple[str, ...]
    ) -> list[Value]:
        operation = _unwrapped(node)
        inner = (*scope, operation.name)
        masked = any(get_keras_mask(t) is not None for t in node.input_tensors)
        function, opaque = self.look_inside(operation, args, kwargs, masked)
        if function is not None:
            training = kwargs.get("training")
            values = [v for v in keras.tree.flatten((args, kwargs)) if isinstance(v, Value)]
            first, position = len(self.calls), len(self.expansions)
            results = self.run(function, values, inner, training)
            if function_of(operation) is None:
                whole = Call(operation, args, kwargs, tuple(results), scope, "", masked)
                self.expansions.insert(position, Expansion(whole, tuple(self.calls[first:])))
            return results
        values = [Value(tuple(t.shape), t.dtype) for t in node.outputs]
        self.calls.append(Call(operation, args, kwargs, tuple(values), scope, opaque, masked))
        return values

    def look_inside(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], masked: bool
    ) -> tuple[Functional | None, str]:
        """The graph inside one call, or None and why there is none for a custom layer."""
        if type(operation) in self.atomic:
            return None, ""
        function = function_of(operation)
        if function is not None:
            return (function, "") if _fits(function, args, kwargs) else (None, "mismatched inputs")
        if not isinstance(operation, keras.Layer) or _is_keras(operation):
            return None, ""
        if masked or (operation is not self.root and _makes_masks(operation)):
            return None, "a mask reaches it or is made in it"
        if _has_own_weights(operation) and not self.knows_something_in(operation):
            return None, "it has weights of its own"
        return expand(operation, args, kwargs, self.prove)

    def knows_something_in(self, layer: keras.Layer) -> bool:
        """Whether a layer within it could change; else its own weights need not be constants."""
        return any(type(x) in self.atomic for x in layer._flatten_layers(include_self=False))


def _has_own_weights(layer: keras.Layer) -> bool:
    return bool(layer._trainable_variables or layer._non_trainable_variables)


def _unwrapped(node: Any) -> Any:
    """A batch norm over the last axis does the same to each step with TimeDistributed around it."""
    operation = node.operation
    if type(operation) is not keras.layers.TimeDistributed:
        return operation
    inner = operation.layer
    norm = type(inner) is keras.layers.BatchNormalization
    return inner if norm and inner.axis == -1 else operation


def _constant(leaf: Any) -> Any:
    """A weight that a custom layer reads itself stands for its value."""
    return keras.ops.convert_to_tensor(leaf.numpy()) if isinstance(leaf, keras.Variable) else leaf


def _takes_training(operation: Any) -> bool:
    return "training" in getattr(operation, "_call_context_args", ())


def _is_keras(operation: Any) -> bool:
    return type(operation).__module__.startswith("keras.")


def _arrives(function: Functional, value: Value, tensor: keras.KerasTensor) -> bool:
    """Whether the value is read as it is: a cast of integers does nothing for an Embedding."""
    nodes = [node for nodes in function._nodes_by_depth.values() for node in nodes]
    readers = [node.operation for node in nodes if any(t is tensor for t in node.input_tensors)]
    tokens = readers and all(type(each) is keras.layers.Embedding for each in readers)
    return value.dtype == tensor.dtype or bool(tokens and keras.backend.is_int_dtype(value.dtype))


def _fits(function: Functional, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a nested model's inputs arrive as they are: same order, rank and dtype, no mask."""
    if kwargs.get("mask") is not None or not args:
        return False
    given, wanted = keras.tree.flatten(args[0]), function._inputs
    same_order = isinstance(args[0], dict) == isinstance(function._inputs_struct, dict)
    return (
        (same_order or len(wanted) == 1)
        and len(given) == len(wanted)
        and all(
            isinstance(v, Value) and len(v.shape) == len(t.shape) and _arrives(function, v, t)
            for v, t in zip(given, wanted, strict=True)
        )
    )
