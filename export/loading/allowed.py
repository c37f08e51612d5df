"""What a configuration may name, and where: exact pairs of module and name, by kind.

The pairs are in `allowed.toml`. Names of Keras alone are no reason for trust: every callable that
Keras exports can be named as a function, among them those that write, read and download files.
"""

import tomllib
from functools import cache
from pathlib import Path

Kinds = frozenset[str]

DATA = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__"}) | {
    "__ellipsis__"
}
"""Values that JSON has not; they may stand anywhere."""

CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
"""Layers that hold code."""

NOTHING: Kinds = frozenset()
LAYERS: Kinds = frozenset({"layer", "model"})
ANY: Kinds = LAYERS | {
    *("initializer", "regularizer", "constraint", "dtype_policy", "quantizer"),
    *("activation_function", "loss", "loss_function", "metric"),
}
"""What the configuration of a custom object may hold at keys that Keras does not know."""

BY_KEY: dict[str, Kinds] = {
    "layers": LAYERS | {"operation"},
    "layer": LAYERS,
    "forward_layer": LAYERS,
    "backward_layer": LAYERS,
    "cell": LAYERS,
    "cells": LAYERS,
    "dtype": frozenset({"dtype_policy"}),
    "policy_map": frozenset({"dtype_policy"}),
    "default_policy": frozenset({"dtype_policy"}),
    "quantization_config": frozenset({"quantizer"}),
    "optimizer": frozenset({"optimizer"}),
    "inner_optimizer": frozenset({"optimizer"}),
    "learning_rate": frozenset({"schedule"}),
    "loss": frozenset({"loss", "loss_function"}),
    "metrics": frozenset({"metric", "loss_function"}),
    "weighted_metrics": frozenset({"metric", "loss_function"}),
    "fn": frozenset({"loss_function"}),
}
BY_ENDING: dict[str, Kinds] = {
    "activation": frozenset({"activation_function", "layer"}),
    "initializer": frozenset({"initializer"}),
    "regularizer": frozenset({"regularizer"}),
    "constraint": frozenset({"constraint"}),
    "quantizer": frozenset({"quantizer"}),
}


def allowed_at(key: str, otherwise: Kinds = NOTHING) -> Kinds:
    """The kinds that may stand at this key of an object's configuration."""
    return BY_KEY.get(key) or BY_ENDING.get(key.rpartition("_")[2], otherwise)


def kinds_of(module: str, name: str, function: bool) -> Kinds:
    """What the pair is; nothing where it is not in the list."""
    found = _table().get((module, name), NOTHING)
    return frozenset(kind for kind in found if kind.endswith("_function") == function)


@cache
def _table() -> dict[tuple[str, str], Kinds]:
    tables = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    found: dict[tuple[str, str], Kinds] = {}
    for kind, modules in tables.items():
        for module, names in modules.items():
            for name in names:
                found[module, name] = found.get((module, name), NOTHING) | {kind}
    return found
