"""Puts the arrays of an old file into the layers of the rebuilt model, by layer, name and shape."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from export.base.errors import InputError
from export.loading.legacy.old_model import OldModel, Stored
from export.loading.legacy.paths import by_look, by_object, paths_of
from export.loading.legacy.rebuild import Member
from export.loading.legacy.recurrent import from_cudnn, keep_hard_sigmoids
from fold.keras_graph.internals import all_layers, sublayers, variables_by_kind

Slot = tuple[keras.Layer, keras.Variable]

OTHER_NAMES = {"sn_u": "vector_u"}
UNUSED = ("StateVar", "rng_state", "seed_generator_state")


def load_weights(model: keras.Model, old: OldModel, members: Mapping[int, list[Member]]) -> None:
    """Assigns every variable of the model.

    Raises:
        InputError: arrays are missing, are of other shapes, or belong to no layer.
    """
    pairs = (
        _by_layer(model, old.by_layer, members)
        if old.by_layer is not None
        else _by_path(model, old, members)
    )
    given = set()
    for variable, value in pairs:
        variable.assign(value)
        given.add(id(variable))
    for layer in all_layers(model):
        for variable in own_variables(layer):
            if id(variable) not in given:
                raise InputError(
                    f"the file holds no weights {variable.name!r} of layer {layer.name!r}; "
                    "it is damaged, or its weights are of another model"
                )
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    keep_hard_sigmoids(model)


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The layer's own weights, trainable ones first, without those of layers within it."""
    return [v for part in variables_by_kind(layer) for v in part]


def _by_layer(
    model: keras.Model,
    stored: Mapping[str, list[Stored]],
    members: Mapping[int, list[Member]],
) -> Iterator[tuple[keras.Variable, np.ndarray]]:
    for member in members[id(model)]:
        arrays = [a for a in stored.get(member.name, []) if _last(a) not in UNUSED]
        slots = _slots(member.layer) if member.layer else []
        yield from _fit(member.name, slots, arrays)


def _slots(layer: keras.Layer) -> list[Slot]:
    """The variables in the order in which Keras 2 lists the weights of a layer."""
    trained, fixed = _split(layer)
    return trained + fixed


def _split(layer: keras.Layer) -> tuple[list[Slot], list[Slot]]:
    """What is trained, and what is not; a model lists its own weights last, a layer first."""
    own, own_fixed = ([(layer, v) for v in part] for part in variables_by_kind(layer))
    parts = [_split(part) for part in _parts(layer)]
    trained = [slot for part, _ in parts for slot in part]
    fixed = [slot for _, part in parts for slot in part]
    is_model = isinstance(layer, keras.Model)
    if layer.trainable:
        return (
            (trained + own, fixed + own_fixed) if is_model else (own + trained, own_fixed + fixed)
        )
    if is_model:
        return [], trained + own + fixed + own_fixed
    return [], own + own_fixed + [slot for part in parts for half in part for slot in half]


def _parts(layer: keras.Layer) -> list[keras.Layer]:
    if isinstance(layer, keras.layers.Bidirectional):
        return [layer.forward_layer, layer.backward_layer]
    return list(layer.layers if isinstance(layer, keras.Model) else sublayers(layer))


def _fit(
    name: str, slots: Sequence[Slot], arrays: Sequence[Stored]
) -> Iterator[tuple[keras.Variable, np.ndarray]]:
    """Pairs of variable and array; in order where the names agree, else by name and shape."""
    if len(slots) != len(arrays):
        raise InputError(
            f"layer {name!r} has {len(slots)} weights and the file {len(arrays)}; "
            "its weights are of another model, or it is damaged"
        )
    if not all(_same_name(p, a) for p, a in zip(slots, arrays, strict=True)):
        arrays = _sorted(slots, arrays)
    values = from_cudnn(slots, [array.value for array in arrays])
    for (_, variable), value in zip(slots, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise InputError(
                f"weights {variable.name!r} of layer {name!r} have shape {tuple(variable.shape)}, "
                f"and {value.shape} in the file; its weights are of another model"
            )
        yield variable, value


def _sorted(slots: Sequence[Slot], arrays: Sequence[Stored]) -> list[Stored]:
    """For each variable the array of its name, of the layer of that name where several have it.

    Names that say nothing (`param_0`, or none that is here) leave the order of the file.
    """
    left, chosen = list(arrays), []
    for layer, variable in slots:
        fitting = [a for a in left if _same_name((layer, variable), a)]
        fitting = [a for a in fitting if layer.name in a.name.split("/")] or fitting
        if not fitting:
            return list(arrays)
        chosen.append(fitting[0])
        left.remove(fitting[0])
    return chosen


def _same_name(slot: Slot, array: Stored) -> bool:
    last = _last(array)
    return bool(OTHER_NAMES.get(last, last) == slot[1].name)


def _last(array: Stored) -> str:
    return array.name.rpartition("/")[2]


def _by_path(
    model: keras.Model, old: OldModel, members: Mapping[int, list[Member]]
) -> Iterator[tuple[keras.Variable, np.ndarray]]:
    seen: set[int] = set()
    for path, layer in _found_paths(model, old, members):
        values: list[Any] = list(old.by_path.get(path, []))
        variables = own_variables(layer)
        if id(layer) in seen or not values:
            continue
        seen.add(id(layer))
        stored = [
            Stored(variable.name, value) for variable, value in zip(variables, values, strict=False)
        ]
        if len(values) != len(variables):
            stored = [Stored(str(index), value) for index, value in enumerate(values)]
        yield from _fit(layer.name, [(layer, v) for v in variables], stored)


def _found_paths(
    model: keras.Model, old: OldModel, members: Mapping[int, list[Member]]
) -> list[tuple[str, keras.Layer]]:
    """The paths of the layers, by what makes layers the same such that the file has them all."""
    for identify in (by_object, by_look):
        paths = paths_of(model, members, identify)
        if all(old.by_path.get(path) for path, layer in paths if own_variables(layer)):
            return paths
    return paths_of(model, members)
