"""The only writer: the decided plan -> a new model."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

import keras

from fold.affine import Affine
from fold.keras_graph.boundary import input_like, with_names
from fold.keras_graph.graph import Call, Value
from fold.keras_graph.own_objects import own_objects
from fold.rebuild.clone import Clones
from fold.rebuild.collapse import collapsed
from fold.rebuild.remainder import remainder, replaced
from fold.search.plan import Plan


def write_model(plan: Plan, model: keras.Model) -> keras.Model:
    """A Functional model with the plan carried out; same names, structure, shapes and dtypes.

    Raises:
        CannotWrite: a layer can't be made as planned.
    """
    return write_model_with_tensors(plan, model)[0]


def write_model_with_tensors(
    plan: Plan, model: keras.Model
) -> tuple[keras.Model, dict[Value, keras.KerasTensor]]:
    """The same, and the tensor of the new model that each value of the graph became."""
    own = own_objects(model)
    with keras.utils.custom_object_scope(own.objects):
        writer = _Writer(plan, Clones(plan, own))
        return writer.model(model.name), writer.tensors


class _Writer:
    def __init__(self, plan: Plan, clones: Clones) -> None:
        self.plan = plan
        self.clones = clones
        self.graph = plan.graph
        self.tensors: dict[Value, keras.KerasTensor] = {}
        self.remainders: dict[keras.Operation, list[tuple[Affine, keras.Layer]]] = {}
        self.names = set(self.graph.input_names)
        self.calls = collapsed(plan)
        self.assigned = self.assign_names()

    def model(self, name: str) -> keras.Model:
        for value, tensor in zip(self.graph.input_values, self.graph.input_tensors, strict=True):
            self.tensors[value] = input_like(tensor)
        for call in self.calls:
            self.run(call)
        fill = self.tensors.__getitem__
        inputs = keras.tree.map_structure(fill, self.graph.inputs)
        outputs = keras.tree.map_structure(fill, self.graph.outputs)
        return keras.Model(inputs, with_names(inputs, outputs, self.graph.output_names), name=name)

    def assign_names(self) -> dict[keras.Operation, str]:
        """Each layer's own name, first come those of the outermost model."""
        names: dict[keras.Operation, str] = {}
        stay = [call for call in self.calls if not self.is_gone(call)]
        for call in sorted(stay, key=lambda call: len(call.scope)):
            if call.operation not in names:
                names[call.operation] = self.unique(call)
        return names

    def is_gone(self, call: Call) -> bool:
        """Whether nothing is left of the call."""
        return call in self.plan.affines and self.plan.affines[call].is_identity

    def name(self, call: Call) -> str:
        """The name assigned to the call's layer, at its first use; another one afterwards."""
        return self.assigned.pop(call.operation, None) or self.unique(call)

    def unique(self, call: Call) -> str:
        """The layer's name; inner layers of nested models get its name in front if need be."""
        long = "_".join((*call.scope, call.name))
        options = chain([call.name, long], (f"{long}_{i}" for i in count(1)))
        name = next(option for option in options if option not in self.names)
        self.names.add(name)
        return name

    def run(self, call: Call) -> None:
        if self.is_gone(call):
            self.tensors[call.output] = self.tensors[call.input]
            return
        for value, tensor in zip(call.outputs, keras.tree.flatten(self.results(call)), strict=True):
            self.tensors.setdefault(value, tensor)

    def results(self, call: Call) -> Any:
        """What the call's own layer gives, or what is left of an affine."""
        affine = self.plan.affines.get(call)
        if affine is not None and (affine is not self.plan.original[call] or replaced(call)):
            return self.remainder(call, affine)(self.tensors[call.input])
        args, kwargs = call.filled(self.tensors.__getitem__)
        return self.clones.layer(call, self.name)(*args, **kwargs)

    def remainder(self, call: Call, affine: Affine) -> keras.Layer:
        """The layer for an affine; calls of one layer share it where they need the same."""
        made = self.remainders.setdefault(call.operation, [])
        for known, layer in made:
            if known.equals(affine):
                return layer
        made.append((affine, remainder(call, affine, self.name(call))))
        return made[-1][1]
