"""What a model holds that Keras can't make again from a config: its own classes and functions."""

import json
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import keras


@dataclass(frozen=True)
class OwnObjects:
    """The classes and functions of a model.

    Attributes:
        objects: by name, for `keras.utils.custom_object_scope`.
        names: of the functions of Lambda layers, by their serialised form.
    """

    objects: dict[str, Any]
    names: dict[str, str]

    def refer(self, config: Any) -> Any:
        """The config with functions by name instead of by code, which Keras does not unpack."""
        if isinstance(config, dict):
            if name := self.names.get(_text(config)):
                return {"class_name": "function", "config": name, "registered_name": name}
            return {key: self.refer(value) for key, value in config.items()}
        if isinstance(config, list | tuple):
            return type(config)(self.refer(value) for value in config)
        return config


def own_objects(model: keras.Model) -> OwnObjects:
    """Collects them from every layer, also from those within others."""
    layers = model._flatten_layers()
    held = {type(layer): None for layer in layers} | {
        value: None
        for layer in layers
        for value in vars(layer).values()
        if isinstance(value, FunctionType)
    }
    own = {each.__name__: each for each in held if not each.__module__.startswith("keras.")}
    names: dict[str, str] = {}
    functions: dict[str, FunctionType] = {}
    for text, function in _lambdas(layers):
        names[text] = f"fold>lambda_{len(names)}"
        functions[names[text]] = function
    return OwnObjects(own | functions, names)


def _lambdas(layers: list[keras.Layer]) -> list[tuple[str, FunctionType]]:
    found = {}
    for layer in layers:
        if type(layer) is keras.layers.Lambda:
            config = layer.get_config()
            parts = {"function": layer.function, "output_shape": layer._output_shape}
            for key, function in parts.items():
                if isinstance(function, FunctionType):
                    found[_text(config[key])] = function
    return list(found.items())


def _text(config: dict[str, Any]) -> str:
    """A config as a key; only functions are looked up."""
    if config.get("class_name") not in ("__lambda__", "function"):
        return ""
    return json.dumps(config, sort_keys=True, default=str)
