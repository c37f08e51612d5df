"""A layer's weights by name, read as float64 and written once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from fold.affine import Weights, float64


def names_within(layer: keras.Layer) -> list[str]:
    """One name per weight, in order: "kernel", or "lstm_cell/kernel" in an inner layer."""
    names = dict(_named(layer, ""))
    return [names[id(weight)] for weight in layer.weights]


def _named(layer: keras.Layer, prefix: str) -> Iterator[tuple[int, str]]:
    for inner in layer._layers:
        yield from _named(inner, f"{prefix}{inner.name}/")
    for weight in (*layer._trainable_variables, *layer._non_trainable_variables):
        yield id(weight), prefix + weight.name


def read_weights(layer: keras.Layer) -> Weights:
    """The weights of a built layer in float64."""
    return dict(zip(names_within(layer), map(float64, layer.weights), strict=True))


def write_weights(layer: keras.Layer, weights: Weights) -> None:
    """Assigns every weight of a built layer; a bias that is new and not named is zero.

    Raises:
        OverflowError: a value is too large for the layer's precision.
    """
    for name, variable in zip(names_within(layer), layer.weights, strict=True):
        value = weights.get(name)
        variable.assign(
            np.zeros(variable.shape) if value is None else value.reshape(variable.shape)
        )
        if not np.all(np.isfinite(float64(variable))):
            raise OverflowError(f"{name} would be too large for {variable.dtype}")


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
