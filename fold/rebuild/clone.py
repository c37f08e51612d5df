"""The layers of the new model: copies of the given ones, remade only where settings change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras.initializers import Initializer

from fold.affine import CannotFold
from fold.keras_graph.copy_layers import LayerCopies
from fold.keras_graph.graph import Call
from fold.keras_graph.internals import forget_calls
from fold.keras_graph.norm_rank import take_rank
from fold.keras_graph.own_objects import OwnObjects
from fold.keras_graph.weights import with_settings, write_weights
from fold.search.plan import Plan


class CannotWrite(Exception):
    """A layer can't be made as planned; it has to stay as it is."""

    def __init__(self, call: Call, reason: CannotFold) -> None:
        super().__init__(f"'{call.name}': {reason.reason}")
        self.operation = call.operation
        self.refusal = reason


class Clones:
    """One new layer per layer of the graph."""

    def __init__(self, plan: Plan, own: OwnObjects) -> None:
        self.plan = plan
        self.own = own
        self.copies = LayerCopies()
        self.clones: dict[keras.Operation, Any] = {}

    def layer(self, call: Call, name: Callable[[Call], str]) -> Any:
        """The new layer or operation for a call, with the weights of the plan.

        Raises:
            CannotWrite: it can't be made again, or its new weights overflow its precision.
        """
        if call.operation not in self.clones:
            try:
                layer = self.make(call, name(call))
                self.build(call, layer)
            except Exception as error:
                why = f"{type(call.operation).__name__} can't be made again ({_first_line(error)})"
                raise CannotWrite(call, CannotFold("not_remade", why)) from error
            self.write(call, layer)
            self.clones[call.operation] = layer
        return self.clones[call.operation]

    def make(self, call: Call, name: str) -> Any:
        """A copy of the layer, or the layer from its config where a setting changes."""
        edits = self.plan.edits_of(call)
        operation: Any = call.operation
        if operation in self.plan.inner:
            inner = self.plan.inner[operation]
            return keras.layers.TimeDistributed(inner, name=name, dtype=operation.dtype_policy)
        if any(edit.config for edit in edits):
            config = self.own.refer(operation.get_config())
            for edit in edits:
                config = with_settings(config, edit.config)
            return type(operation).from_config(config | {"name": name})
        copies = LayerCopies() if edits else self.copies
        layer = copies.copy(operation)
        layer.name = name
        if type(layer) is keras.layers.BatchNormalization:
            take_rank(layer, call.input.rank + 1)
        return layer

    def build(self, call: Call, layer: Any) -> None:
        """Builds a remade layer from zeros, as its weights are written at once."""
        if getattr(layer, "built", True):
            return
        drawn = {k: v for k, v in vars(layer).items() if isinstance(v, Initializer)}
        vars(layer).update(dict.fromkeys(drawn, keras.initializers.Zeros()))
        args, kwargs = call.filled(lambda v: keras.KerasTensor(v.shape, v.dtype))
        layer(*args, **kwargs)
        forget_calls(layer)
        vars(layer).update(drawn)

    def write(self, call: Call, layer: Any) -> None:
        """Computes the weights that change."""
        if not self.plan.edits_of(call) and call.operation not in self.plan.made:
            return
        try:
            write_weights(layer, self.plan.weights(call))
        except OverflowError as error:
            raise CannotWrite(call, CannotFold("overflow", str(error))) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
