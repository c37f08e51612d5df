"""Creates the layer's variables: parameters that train, statistics that are averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def at_least_float32(dtype: str) -> str:
    """The dtype to compute statistics and parameters in."""
    return str(keras.backend.result_type(dtype, "float32"))


def add_parameter(layer: keras.layers.Layer, name: str, shape: list[int]) -> keras.Variable:
    """A trainable weight with the layer's initializer, regularizer and constraint of that name."""
    return layer.add_weight(
        shape=shape,
        name=name,
        dtype=at_least_float32(layer.variable_dtype),
        initializer=getattr(layer, f"{name}_initializer"),
        regularizer=getattr(layer, f"{name}_regularizer"),
        constraint=getattr(layer, f"{name}_constraint"),
        autocast=False,
    )


def add_statistic(
    layer: keras.layers.Layer, name: str, shape: list[int], initializer: Any
) -> keras.Variable:
    """A weight that does not train; replicas that differ are averaged when it is read or saved."""
    return layer.add_weight(
        shape=shape,
        name=name,
        dtype=at_least_float32(layer.variable_dtype),
        initializer=initializer,
        trainable=False,
        autocast=False,
        aggregation="mean",
    )


def square_root_of(initializer: Any) -> Callable[..., tf.Tensor]:
    """The initializer of a standard deviation, given that of a variance."""
    return lambda shape, dtype=None: tf.sqrt(initializer(shape, dtype=dtype))
