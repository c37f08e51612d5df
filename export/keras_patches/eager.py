"""Operations that TensorFlow compiles anew in each call, or whose kernels have limits."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

MOST_AXES = 5


def convolve(
    stock: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `conv`, channels last; it compiles grouped ones although a CPU has kernels of them."""
    if inputs.shape[-1] == kernel.shape[-2] or len(inputs.shape) > 4:
        return stock(inputs, kernel, strides, padding, data_format, dilation_rate)
    return tf.nn.convolution(inputs, kernel, strides, padding.upper(), dilations=dilation_rate)


def softmax(stock: Callable[..., Any], x: Any, axis: Any = -1) -> Any:
    """Keras' `softmax`; the kernel takes no more than five axes."""
    if len(x.shape) <= MOST_AXES or not isinstance(axis, int):
        return stock(x, axis)
    last = keras.ops.moveaxis(x, axis, -1)
    rows = keras.ops.reshape(last, (-1, last.shape[-1]))
    return keras.ops.moveaxis(keras.ops.reshape(stock(rows, -1), keras.ops.shape(last)), -1, axis)
