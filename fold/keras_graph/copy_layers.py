"""Copies of layers and operations with variables of their own, without their configs.

A config need not say all that a layer was made with, and a layer may have been changed since. So
the object itself is copied: what it holds of Keras (layers, variables, seeds, lists of these) anew,
everything else (functions, tables, arrays) by reference.
"""

from __future__ import annotations

from collections import deque
from types import MethodType
from typing import Any

import keras
import tensorflow as tf
from keras.src.models.functional import Functional
from keras.src.ops.function import make_node_key
from keras.src.ops.node import KerasHistory, Node
from keras.src.ops.symbolic_arguments import SymbolicArguments
from keras.src.utils.tracking import Tracker

MADE_BY_KERAS = {"build", "quantize", "_inbound_nodes", "_outbound_nodes", "_losses", "_loss_ids"}
"""Attributes that belong to one object: Keras makes them for the copy, or they start empty."""
COPIED = (keras.KerasTensor, keras.random.SeedGenerator, Node, SymbolicArguments, Tracker)
FRESH_TRAINER: dict[str, Any] = {
    "compiled": False,
    "optimizer": None,
    "train_function": None,
    "test_function": None,
    "predict_function": None,
    "_compile_loss": None,
    "_loss_tracker": None,
}


class LayerCopies:
    """Copies that belong together: what two layers share, their copies share."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._originals: list[Any] = []
        self._unfilled: deque[tuple[Any, Any]] = deque()
        self._functions: list[tuple[Functional, Functional]] = []

    def copy(self, operation: Any) -> Any:
        """The copy of a layer or operation, without the calls of it in any model.

        Raises:
            Exception: whatever an object raises that can't be copied.
        """
        copy = self._value(operation)
        while self._unfilled:
            old, new = self._unfilled.popleft()
            self._fill(old, new)
            if isinstance(old, Functional):
                self._functions.append((old, new))
        while self._functions:
            self._connect(*self._functions.pop())
        return copy

    def _remember(self, old: Any, new: Any) -> Any:
        self._originals.append(old)
        self._copies[id(old)] = new
        return new

    def _value(self, old: Any) -> Any:
        if id(old) in self._copies:
            return self._copies[id(old)]
        if isinstance(old, keras.Operation):
            new = self._remember(old, _empty(type(old)))
            self._unfilled.append((old, new))
            return new
        if isinstance(old, keras.Variable):
            return self._remember(old, _variable(old))
        if isinstance(old, tuple):
            return tuple.__new__(type(old), [self._value(each) for each in old])
        if isinstance(old, list | dict | set):
            return self._container(old)
        if isinstance(old, COPIED):
            return self._object(old)
        if isinstance(old, MethodType) and isinstance(old.__self__, keras.Operation):
            return MethodType(old.__func__, self._value(old.__self__))
        return old

    def _container(self, old: Any) -> Any:
        """Filled past the methods of Keras' own kinds, which would track each member again."""
        kind: Any = next(k for k in (list, dict, set) if isinstance(old, k))
        if not type(old).__module__.startswith("tensorflow."):
            kind = type(old)
        new = self._remember(old, kind.__new__(kind))
        if isinstance(old, list):
            list.extend(new, [self._value(each) for each in old])
        elif isinstance(old, set):
            set.update(new, {self._value(each) for each in old})
        else:
            dict.update(new, {key: self._value(each) for key, each in old.items()})
            if hasattr(old, "default_factory"):
                new.default_factory = old.default_factory
        if hasattr(new, "__dict__"):
            vars(new).update({key: self._value(each) for key, each in vars(old).items()})
        return new

    def _object(self, old: Any) -> Any:
        new = self._remember(old, object.__new__(type(old)))
        vars(new).update({key: self._value(each) for key, each in vars(old).items()})
        if isinstance(new, Tracker):
            stores = {name: store for name, (_, store) in new.config.items()}
            new.stored_ids = {name: set(map(id, store)) for name, store in stores.items()}
        return new

    def _fill(self, old: Any, new: Any) -> None:
        held = {k: v for k, v in vars(old).items() if k not in MADE_BY_KERAS}
        if isinstance(old, keras.Model):
            held |= {k: v for k, v in FRESH_TRAINER.items() if k in held}
        vars(new).update({key: self._value(each) for key, each in held.items()})
        empty: dict[str, Any] = {"_inbound_nodes": [], "_outbound_nodes": []}
        if isinstance(old, keras.Layer):
            empty |= {"_losses": [], "_loss_ids": set()}
        vars(new).update({k: v for k, v in empty.items() if k not in vars(new)})

    def _connect(self, old: Functional, new: Functional) -> None:
        """Gives the copies within a functional model the calls that make it up."""
        keys = set()
        for operation in old._operations:
            copy = self._value(operation)
            for index, node in enumerate(operation._inbound_nodes):
                if make_node_key(operation, index) in old._nodes:
                    keys.add(make_node_key(copy, len(copy._inbound_nodes)))
                    _attach(self._value(node), copy)
        vars(new)["_nodes"] = keys


def _empty(kind: type) -> Any:
    """An object without its constructor's work; a layer with Keras' wrapped `build`."""
    if issubclass(kind, keras.Layer):
        return keras.Layer.__new__(kind)
    return object.__new__(kind)


def _attach(node: Node, operation: Any) -> None:
    for i, tensor in enumerate(node.outputs):
        tensor._keras_history = KerasHistory(operation, len(operation._inbound_nodes), i)
    operation._inbound_nodes.append(node)


def _variable(old: keras.Variable) -> keras.Variable:
    new = object.__new__(type(old))
    vars(new).update(vars(old))
    with tf.init_scope():
        new._initialize(tf.identity(old._value))
    return new
