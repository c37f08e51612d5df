"""A layer's weights by name, read as float64 and written once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fold.affine import FoldError, float64
from fold.rules.table import Edit, Weights


def names_within(layer: keras.Layer) -> list[str]:
    """One name per weight, in order: its path below the layer, for example "kernel"."""
    return [_below(weight.path.split("/"), layer.name) for weight in layer.weights]


def _below(path: list[str], name: str) -> str:
    parents = path[:-1]
    if name not in parents:
        return path[-1]
    last = len(parents) - 1 - parents[::-1].index(name)
    return "/".join(path[last + 1 :])


def read(layer: keras.Layer) -> Weights:
    """The weights of a built layer in float64."""
    return dict(zip(names_within(layer), map(float64, layer.weights), strict=True))


def edited(weights: Weights, edits: tuple[Edit, ...]) -> Weights:
    """The float64 weights after the edits."""
    for edit in edits:
        weights = edit.transform(weights)
    return weights


def write(layer: keras.Layer, weights: Weights) -> None:
    """Assigns every weight of a built layer.

    Raises:
        FoldError: a value is too large for the layer's precision.
    """
    for name, variable in zip(names_within(layer), layer.weights, strict=True):
        variable.assign(weights[name].reshape(variable.shape))
        if not np.all(np.isfinite(float64(variable))):
            raise FoldError(
                f"folding makes {name} of '{layer.name}' too large for {variable.dtype}; keep the "
                "batch norms next to it"
            )


def with_settings(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The layer's config with dotted settings changed, for example "layer.config.use_bias"."""
    for path, value in settings.items():
        *parents, last = path.split(".")
        target: Any = config
        for parent in parents:
            target = target.get(parent) if target is not None else None
        if target is not None:
            target[last] = value
    return config
