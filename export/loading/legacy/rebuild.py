"""Rebuilds a model of Keras 2 from its configuration: every layer upgraded, every call repeated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

import fleras.fused_renorm  # noqa: F401  registers the project's layer
from export.base.errors import InputError
from export.loading.legacy.calls import Calls, map_references, numbered, reason_of, single
from export.loading.legacy.objects import is_custom, upgrade_object
from export.loading.legacy.tensorflow_operations import OPERATION_LAYERS, operation
from export.loading.legacy.upgrades import FUSED_RENORM, upgrade_layer

Config = dict[str, Any]

MODELS = ("Functional", "Model", "Sequential")
NESTED = ("layer", "forward_layer", "backward_layer", "cell", "cells", "layers")
LOSS_ONLY = ("AddLoss", "AddMetric")


@dataclass(frozen=True)
class Member:
    """A layer of a rebuilt model beside what it was called before.

    Attributes:
        name: in the old file.
        kind: its old class.
        layer: the new layer; None for an operation, which has no weights.
    """

    name: str
    kind: str
    layer: keras.Layer | None


@dataclass
class Rebuilder:
    """Builds layers and models; `members` keeps what the old ones were called.

    Attributes:
        judge: is given each layer's new configuration before it is built, and raises.
        classes: custom objects by name.
        lambdas: functions by the name of the Lambda that they replace.
        members: of each rebuilt model, by identity.
    """

    judge: Callable[[Config], None]
    classes: Mapping[str, Any] = field(default_factory=dict)
    lambdas: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    members: dict[int, list[Member]] = field(default_factory=dict)

    def model(self, node: Config) -> keras.Model:
        """A whole model from {"class_name": ..., "config": ...}.

        Raises:
            InputError: something in it can't be expressed, or is refused.
        """
        if node["class_name"] == "Sequential":
            return self._sequential(node["config"])
        return self._functional(node["config"])

    def layer(self, node: Config) -> Any:
        """A layer, a model or a function that calls operations."""
        kind = str(node["class_name"])
        if kind in MODELS and not is_custom(node):
            return self.model(node)
        if kind in OPERATION_LAYERS:
            return operation(node)
        if kind in LOSS_ONLY:
            return _first
        if kind == "Lambda":
            return self._lambda(node)
        new = self.upgraded(node)
        _refuse_unknown(new, node)
        self.judge(new)
        try:
            return keras.saving.deserialize_keras_object(new, custom_objects=dict(self.classes))
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(
                f"layer {_own_name(node)!r}, a {kind}, can't be made in Keras {keras.__version__}: "
                + f"{reason_of(error)}; change that layer where the model was made"
            ) from error

    def _lambda(self, node: Config) -> keras.Layer:
        config = node["config"]
        if config.get("name") not in self.lambdas:
            raise InputError(
                f"layer {config.get('name')!r} is a Lambda, which carries code of its own; if you "
                f"have its function, give it with --lambda {config.get('name')}=MODULE:FUNCTION"
            )
        return keras.layers.Lambda(
            self.lambdas[config["name"]],
            arguments=config.get("arguments") or {},
            name=valid_name(config["name"]),
        )

    def upgraded(self, node: Config) -> Config:
        """The configuration of one layer in the form of Keras 3; a model in it is rebuilt."""
        if node["class_name"] in MODELS and not is_custom(node):
            found: dict[str, Any] = keras.saving.serialize_keras_object(self.model(node))
            return found
        config = {key: self._part(key, value) for key, value in node["config"].items()}
        config["name"] = valid_name(config.get("name"))
        if is_custom(node) or node["class_name"] in self.classes:
            name = str(node["class_name"])
            module = node.get("module")
            return {
                "module": module,
                "class_name": name.rpartition(">")[2],
                "config": config,
                "registered_name": node.get("registered_name") or name,
            }
        kind, config = upgrade_layer(str(node["class_name"]), config)
        if kind == "Sequential":
            return dict(keras.saving.serialize_keras_object(self._sequential(config)))
        home, _, name = kind.rpartition(".")
        registered = "fleras>BatchNormalization" if kind == FUSED_RENORM else None
        return {
            "module": home or "keras.layers",
            "class_name": name,
            "config": config,
            "registered_name": registered,
        }

    def _part(self, key: str, value: Any) -> Any:
        if key in NESTED and isinstance(value, dict) and "class_name" in value:
            return self.upgraded(value)
        if key in NESTED and isinstance(value, list):
            return [self._part("layer", item) for item in value]
        return upgrade_object(key, value)

    def _sequential(self, config: Config | list[Config]) -> keras.Sequential:
        """Before version 2.3 the configuration was the list of layers alone."""
        config = config if isinstance(config, dict) else {"layers": config}
        model = keras.Sequential(name=valid_name(config.get("name")))
        members: list[Member] = []
        for node in config["layers"]:
            if not members and (shape := _input_shape(node)):
                model.add(keras.Input(batch_shape=shape, dtype=_input_dtype(node)))
            layer = self.layer(node)
            model.add(layer)
            members.append(Member(_own_name(node), node["class_name"], layer))
        if not model.built and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        self._finish(model, config)
        self.members[id(model)] = members
        return model

    def _functional(self, config: Config) -> keras.Model:
        nodes = config["layers"]
        names = unique_names([node["name"] for node in nodes])
        layers = {node["name"]: self.layer(_named(node, names[node["name"]])) for node in nodes}
        calls = Calls(nodes, layers, names)
        calls.run()
        inputs, outputs = (
            single(map_references(config[key], calls.tensor, calls.is_reference))
            for key in ("input_layers", "output_layers")
        )
        model = keras.Model(inputs, outputs, name=valid_name(config.get("name")))
        self._finish(model, config)
        self.members[id(model)] = [
            Member(node["name"], node["class_name"], _as_layer(layers[node["name"]]))
            for node in nodes
        ]
        return model

    def _finish(self, model: keras.Model, config: Config) -> None:
        if config.get("trainable") is False:
            model.trainable = False


def valid_name(name: Any) -> Any:
    """Keras 3 keeps the slash for paths."""
    return name.replace("/", "_") if isinstance(name, str) else None


def unique_names(old: list[str]) -> dict[str, str]:
    """New names by the old."""
    new: dict[str, str] = {}
    for name in old:
        new[name] = next(numbered(valid_name(name), set(new.values())))
    return new


def _named(node: Config, name: str) -> Config:
    config = node["config"]
    return node | {"config": config | {"name": name}} if isinstance(config, dict) else node


def _own_name(node: Config) -> str:
    config = node["config"]
    return str(config.get("name") if isinstance(config, dict) else node.get("name"))


def _input_shape(node: Config) -> Any:
    """What the first layer of a sequential model takes, unless it is an input layer."""
    while node["class_name"] in MODELS:
        config = node["config"]
        node = (config["layers"] if isinstance(config, dict) else config)[0]
    config = node["config"]
    shape = config.get("batch_input_shape")
    if not shape and node["class_name"] == "Dense" and config.get("input_dim"):
        shape = [None, config["input_dim"]]
    return None if node["class_name"] == "InputLayer" else shape


def _input_dtype(node: Config) -> Any:
    dtype = upgrade_object("dtype", node["config"].get("dtype"))
    return dtype if isinstance(dtype, str) and not dtype.startswith("mixed_") else None


def _refuse_unknown(new: Config, old: Config) -> None:
    if new["module"] == "keras.layers" and not hasattr(keras.layers, new["class_name"]):
        kind = old["class_name"]
        raise InputError(
            f"layer {_own_name(old)!r} is a {kind}, which Keras 3 has not; rebuild the model "
            f"without it, or give a class of that name with --custom-objects MODULE:{kind}"
        )


def _as_layer(layer: Any) -> keras.Layer | None:
    return layer if isinstance(layer, keras.Layer) else None


def _first(value: Any, *_: Any, **__: Any) -> Any:
    return value
