"""Puts one kind of batch norm in place of another in a whole model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from fleras.clipping import Clipping
from fleras.fused_renorm import BatchNormalization
from fleras.keras_internals import all_layers

Config = dict[str, Any]


def replace_batch_norms(
    model: keras.Model, renorm_clipping: Mapping[str, Any] | None = None
) -> keras.Model:
    """A copy of the model in which every Keras `BatchNormalization` is one of this package.

    Layers of nested models and inside other layers are replaced too. Weights, names, frozen layers
    and the arguments of `compile` stay; the optimizer of the copy starts anew.

    Args:
        model: a built model that can be saved: Sequential, Functional, or with a `get_config`.
        renorm_clipping: for the new layers; numbers, or variables such as
            `RenormClippingSchedule.clipping`. None leaves that of `renorm=True` layers, and the
            others without.

    Returns:
        The copy. The given model is not changed.

    Raises:
        ValueError: the model is not built, holds no Keras `BatchNormalization`, or makes one in its
            own constructor, where it can't be replaced.
    """
    copy = _with_layers(model, keras.layers.BatchNormalization, _to_ours)
    if renorm_clipping is not None:
        for old, new in zip(all_layers(model), all_layers(copy), strict=True):
            if type(old) is not type(new) and isinstance(new, BatchNormalization):
                new.clipping = Clipping(renorm_clipping)
    return copy


def to_keras_batch_norms(model: keras.Model) -> keras.Model:
    """The inverse: a copy in which every `fleras.BatchNormalization` is Keras' own.

    Layers with a `renorm_momentum` become Keras' `renorm=True` with the clipping of this moment;
    the others become plain batch norm, which infers the same and trains without correction.

    Args:
        model: a built model that can be saved.

    Returns:
        The copy. The given model is not changed.

    Raises:
        ValueError: as `replace_batch_norms`, or a layer normalizes several axes.
    """
    return _with_layers(model, BatchNormalization, _to_keras)


def _layers(model: keras.Model, kind: type) -> list[keras.layers.Layer]:
    return [layer for layer in all_layers(model) if type(layer) is kind]


def _with_layers(model: keras.Model, kind: type, convert: Callable[[Config], Config]) -> Any:
    found = _layers(model, kind)
    if not found or not model.built:
        lacks = "has no" if model.built else "must be built before it is searched for"
        raise ValueError(f"Model '{model.name}' {lacks} {kind.__module__}.{kind.__name__}.")
    config = keras.saving.serialize_keras_object(model)
    stock = keras.saving.serialize_keras_object(kind())
    identity = {name: stock[name] for name in ("module", "class_name", "registered_name")}
    entries = list(_entries(config, identity))
    left = {layer.name for layer in found} - {entry["config"]["name"] for entry in entries}
    if left:
        raise ValueError(
            f"Batch norms {sorted(left)} of model '{model.name}' are made by a class, not listed "
            "in its configuration. Replace them in that class, then load the weights."
        )
    for entry in entries:
        entry.update(convert(entry["config"]))
    copy = _revived(config, model)
    copy.set_weights(model.get_weights())
    return copy


def _revived(config: Config, model: keras.Model) -> keras.Model:
    classes = {type(layer) for layer in all_layers(model)}
    own = {cls.__name__: cls for cls in classes if not cls.__module__.startswith("keras.")}
    return keras.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=False)


def _entries(config: Any, identity: Mapping[str, Any]) -> Iterator[Config]:
    """The dictionaries within a configuration that stand for a layer of this kind."""
    if isinstance(config, dict):
        if all(config.get(name) == value for name, value in identity.items()):
            yield config
        for value in config.values():
            yield from _entries(value, identity)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _entries(value, identity)


def _to_ours(config: Config) -> Config:
    return _serialized(BatchNormalization.from_config(config))


def _to_keras(config: Config) -> Config:
    if isinstance(config["axis"], list):
        if len(config["axis"]) > 1:
            raise ValueError(
                f"Keras' BatchNormalization has one axis. Received: axis={config['axis']} "
                f"of layer '{config['name']}'"
            )
        config = config | {"axis": config["axis"][0]}
    renorm = config["renorm_momentum"] is not None
    theirs = {
        **config,
        "renorm": renorm,
        "renorm_clipping": config["renorm_clipping"] if renorm else None,
        "renorm_momentum": config["renorm_momentum"] if renorm else 0.99,
    }
    return _serialized(keras.layers.BatchNormalization.from_config(theirs))


def _serialized(layer: keras.layers.Layer) -> Config:
    config: Config = keras.saving.serialize_keras_object(layer)
    config.pop("build_config", None)
    return config
