"""Vectors divided by their norm; TFLite makes NaN of the infinite root where all is zero."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def normalize(
    stock: Callable[..., Any], x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None
) -> Any:
    """Keras' `normalize`, which multiplies by the reciprocal of a root."""
    if order != 2 or not len(x.shape):
        return stock(x, axis, order, epsilon)
    x = tf.convert_to_tensor(x)
    least = keras.config.epsilon() if epsilon is None else epsilon
    total = keras.ops.sum(keras.ops.square(x), axis=axis, keepdims=True)
    return x / keras.ops.maximum(keras.ops.sqrt(total), least)
