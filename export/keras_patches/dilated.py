"""Dilated convolutions as single operators.

TensorFlow makes batches of what lies between, which takes dozens of operators where the size is
free. The data have their channels last.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.keras_patches.per_axis import per_axis

KERNELS = {2: tf.raw_ops.Conv2D, 3: tf.raw_ops.Conv3D}


def convolve(
    stock: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `conv`."""
    rank = len(inputs.shape) - 2
    rates = per_axis(dilation_rate, rank)
    if max(rates) == 1 or max(per_axis(strides, rank)) > 1:
        return stock(inputs, kernel, strides, padding, data_format, dilation_rate)
    if rank == 1:
        row = tf.expand_dims(inputs, 1), tf.expand_dims(kernel, 0)
        return tf.squeeze(_dilated(*row, padding, (1, *rates)), 1)
    return _dilated(inputs, kernel, padding, rates)


def convolve_depthwise(
    stock: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `depthwise_conv`."""
    rank = len(inputs.shape) - 2
    rates = per_axis(dilation_rate, rank)
    if max(rates) == 1 or max(per_axis(strides, rank)) > 1:
        return stock(inputs, kernel, strides, padding, data_format, dilation_rate)
    if rank == 1:
        inputs, kernel = tf.expand_dims(inputs, 1), tf.expand_dims(kernel, 0)
    result = tf.raw_ops.DepthwiseConv2dNative(
        input=inputs,
        filter=kernel,
        strides=[1] * 4,
        padding=padding.upper(),
        dilations=[1, *((1,) * (2 - rank)), *rates, 1],
    )
    return tf.squeeze(result, 1) if rank == 1 else result


def convolve_separable(
    stock: Callable[..., Any],
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `separable_conv`."""
    if np.max(dilation_rate) == 1:
        kernels = depthwise_kernel, pointwise_kernel
        return stock(inputs, *kernels, strides, padding, data_format, dilation_rate)
    options = padding, data_format, dilation_rate
    x = keras.ops.depthwise_conv(inputs, depthwise_kernel, strides, *options)
    return keras.ops.conv(x, pointwise_kernel, 1, "valid", data_format)


def _dilated(inputs: Any, kernel: Any, padding: str, rates: tuple[int, ...]) -> Any:
    return KERNELS[len(rates)](
        input=inputs,
        filter=kernel,
        strides=[1] * (len(rates) + 2),
        padding=padding.upper(),
        dilations=[1, *rates, 1],
    )
