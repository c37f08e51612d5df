"""The only writer: the decided plan -> a new model of stock Keras layers."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

import keras
from keras.initializers import Initializer

from fold.affine import Affine, FoldError
from fold.keras_graph.graph import Call, Value
from fold.keras_graph.own_objects import OwnObjects, own_objects
from fold.keras_graph.weights import with_settings, write_weights
from fold.rebuild.remainder import remainder, replaced
from fold.search.plan import Plan


def write_model(plan: Plan, model: keras.Model) -> keras.Model:
    """A Functional model with the plan carried out; same names, structure, shapes and dtypes."""
    own = own_objects(model)
    with keras.utils.custom_object_scope(own.objects):
        return _Builder(plan, own).model(model.name)


class _Builder:
    def __init__(self, plan: Plan, own: OwnObjects) -> None:
        self.plan = plan
        self.own = own
        self.graph = plan.graph
        self.tensors: dict[Value, keras.KerasTensor] = {}
        self.clones: dict[keras.Operation, keras.Operation] = {}
        self.drawn: dict[keras.Operation, dict[str, Initializer]] = {}
        self.identities: dict[str, keras.Layer] = {}
        self.names: set[str] = {t._keras_history.operation.name for t in self.graph.input_tensors}

    def model(self, name: str) -> keras.Model:
        for value, tensor in zip(self.graph.input_values, self.graph.input_tensors, strict=True):
            self.tensors[value] = _input(tensor)
        for call in self.graph.calls:
            self.run(call)
        fill = self.tensors.__getitem__
        inputs = keras.tree.map_structure(fill, self.graph.inputs)
        return keras.Model(inputs, self.outputs(), name=name)

    def run(self, call: Call) -> None:
        affine = self.plan.affines.get(call)
        if affine is not None and affine.is_identity:
            self.tensors[call.output] = self.tensors[call.input]
            return
        own = self.own_layer(call, affine) if affine is not None else None
        results = own(self.tensors[call.input]) if own is not None else self.call_clone(call)
        for value, tensor in zip(call.outputs, keras.tree.flatten(results), strict=True):
            self.tensors[value] = tensor

    def own_layer(self, call: Call, affine: Affine) -> keras.Layer | None:
        """What is left of an affine as a layer, where the call's own layer does not serve."""
        if affine is self.plan.original[call] and not replaced(call):
            return None
        return remainder(call, affine, self.unique(call))

    def call_clone(self, call: Call) -> Any:
        """Calls the clone of the layer, which its first call makes and fills."""
        first = call.operation not in self.clones
        if first:
            self.clones[call.operation] = self.clone(call)
        layer = self.clones[call.operation]
        args, kwargs = call.filled(self.tensors.__getitem__)
        results = layer(*args, **kwargs)
        if first:
            self.fill(call, layer)
        return results

    def clone(self, call: Call) -> keras.Operation:
        """The same layer anew; it starts from zeros, as its weights are written at once."""
        operation: Any = call.operation
        try:
            config = self.own.refer(operation.get_config()) | {"name": self.unique(call)}
            for edit in self.plan.edits_of(call):
                config = with_settings(config, edit.config)
            drawn = [k for k in config if isinstance(vars(operation).get(k), Initializer)]
            clone = type(operation).from_config(config | dict.fromkeys(drawn, "zeros"))
        except (NotImplementedError, TypeError) as error:
            raise FoldError(
                f"{type(operation).__name__} '{call.name}' can't be made again from its config "
                f"({error}); give it get_config"
            ) from error
        self.drawn[clone] = {k: getattr(operation, k) for k in drawn}
        return clone

    def fill(self, call: Call, layer: Any) -> None:
        """Copies or computes the weights of a new clone, once its first call has built it."""
        for name, initializer in self.drawn[layer].items():
            setattr(layer, name, initializer)
        operation = call.operation
        if operation in self.plan.made or self.plan.edits_of(call):
            write_weights(layer, self.plan.weights(call))
        elif isinstance(operation, keras.Layer):
            layer.set_weights(operation.get_weights())

    def unique(self, call: Call) -> str:
        """The layer's name; inner layers of nested models get its name in front if need be."""
        long = "_".join((*call.scope, call.name))
        options = chain([call.name, long], (f"{long}_{i}" for i in count(1)))
        name = next(option for option in options if option not in self.names)
        self.names.add(name)
        return name

    def outputs(self) -> Any:
        """The results; one whose last layer went keeps its name through an Identity layer."""
        names = iter(self.graph.output_names)
        return keras.tree.map_structure(
            lambda value: self.named(self.tensors[value], next(names)), self.graph.outputs
        )

    def named(self, tensor: keras.KerasTensor, name: str) -> keras.KerasTensor:
        if tensor._keras_history.operation.name == name:
            return tensor
        if name not in self.identities:
            if name in self.names:
                return tensor
            self.names.add(name)
            self.identities[name] = keras.layers.Identity(name=name, dtype=tensor.dtype)
        return self.identities[name](tensor)


def _input(tensor: keras.KerasTensor) -> keras.KerasTensor:
    source = tensor._keras_history.operation
    return keras.Input(
        batch_shape=tensor.shape,
        dtype=tensor.dtype,
        sparse=tensor.sparse,
        name=source.name,
        optional=getattr(source, "optional", False),
    )
