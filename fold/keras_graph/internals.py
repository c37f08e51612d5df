"""What Keras keeps to itself of layers and tensors, for the rest of the project to read."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras.src import ops as ops


def all_layers(layer: keras.Layer, include_self: bool = True) -> list[keras.Layer]:
    """The layer, or model, and every layer in it, however deep."""
    return list(layer._flatten_layers(include_self=include_self))


def history(tensor: keras.KerasTensor) -> tuple[keras.Operation, int, int]:
    """What made a symbolic tensor: the operation, which of its calls, which of that's outputs."""
    operation, node, index = tensor._keras_history
    return operation, node, index


def maker_of(tensor: keras.KerasTensor) -> keras.Operation:
    """The operation that made a symbolic tensor."""
    return history(tensor)[0]


def nodes_of(operation: keras.Operation) -> Sequence[Any]:
    """The calls of an operation, in order."""
    nodes: Sequence[Any] = operation._inbound_nodes
    return nodes


def readers_of(operation: keras.Operation) -> list[keras.Operation]:
    """The operations that were called on its results."""
    return [node.operation for node in operation._outbound_nodes]


def nodes_by_depth(model: keras.Model) -> Mapping[int, Sequence[Any]]:
    """The calls of a functional model; the last have depth 0."""
    nodes: Mapping[int, Sequence[Any]] = model._nodes_by_depth
    return nodes


def forget_calls(layer: keras.Layer) -> None:
    """Makes a layer one that was never called."""
    layer._inbound_nodes.clear()


def variables_by_kind(layer: keras.Layer) -> tuple[list[keras.Variable], list[keras.Variable]]:
    """Those that a layer made itself, not the layers in it: trainable, then others."""
    return list(layer._trainable_variables), list(layer._non_trainable_variables)


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that it holds itself, in the order in which it was given them."""
    return list(layer._layers)
