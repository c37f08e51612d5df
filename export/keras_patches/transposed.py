"""Transposed convolutions as the operator ConvTranspose of ONNX.

A converter knows the size of the result only where that of the input is fixed. What Keras pads
does not depend on it.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common.backend_utils import compute_conv_transpose_output_shape

from export.keras_patches.onnx_operator import operator
from export.keras_patches.per_axis import per_axis

LENGTH = 64
"""Any length of an input gives the same padding."""


def by_operator(
    convolve: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `conv_transpose`."""
    rank = len(inputs.shape) - 2
    first = (data_format or keras.config.image_data_format()) == "channels_first"
    x = inputs if first else keras.ops.moveaxis(inputs, -1, 1)
    steps, rates = per_axis(strides, rank), per_axis(dilation_rate, rank)
    beyond = None if output_padding is None else per_axis(output_padding, rank)
    missing = _missing(tuple(kernel.shape), steps, padding, beyond, rates)
    begins = [max(each, 0) // 2 for each in missing]
    ends = [max(each, 0) - begin for each, begin in zip(missing, begins, strict=True)]
    sizes = [
        None if size is None else (size - 1) * step + (length - 1) * rate + 1 - less
        for size, step, length, rate, less in zip(
            x.shape[2:], steps, kernel.shape, rates, missing, strict=False
        )
    ]
    (y,) = operator(
        "ConvTranspose",
        [x, tf.transpose(kernel, (rank + 1, rank, *range(rank)))],
        [(x.shape[0], kernel.shape[rank], *sizes)],
        x.dtype,
        kernel_shape=list(kernel.shape[:rank]),
        strides=list(steps),
        dilations=list(rates),
        pads=begins + ends,
        output_padding=[max(-each, 0) for each in missing],
    )
    return y if first else keras.ops.moveaxis(y, 1, -1)


def _missing(
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    output_padding: tuple[int, ...] | None,
    rates: tuple[int, ...],
) -> list[int]:
    """By how much the result is shorter, on each axis, than everything the kernel reaches."""
    *lengths, filters, channels = kernel
    shape = [1, *[LENGTH] * len(lengths), channels]
    sizes = compute_conv_transpose_output_shape(
        shape, lengths, filters, strides, padding, output_padding, "channels_last", rates
    )
    return [
        (LENGTH - 1) * stride + (length - 1) * rate + 1 - size
        for length, stride, rate, size in zip(lengths, strides, rates, sizes[1:], strict=False)
    ]
