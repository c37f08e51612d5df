"""Resizing: with kernels that neither format has, such as bicubic, and with the aspect kept.

Keras computes from the size of an image while the file runs, even where that is fixed.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

KNOWN = ("nearest", "bilinear")
Size = tuple[int, int]


def by_matrices(
    resize: Callable[..., Any],
    images: Any,
    size: Size,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Keras' `resize`; where the images' size is fixed, by a product with one matrix each way."""
    data_format = data_format or keras.config.image_data_format()
    x = images if data_format == "channels_last" else keras.ops.moveaxis(images, -3, -1)
    if None in x.shape[-3:-1]:
        aspect = (crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, fill_value)
        return resize(images, size, interpolation, antialias, *aspect, data_format)
    if crop_to_aspect_ratio:
        x = cropped(x, size)
    elif pad_to_aspect_ratio:
        x = padded(x, size, fill_value)
    if interpolation in KNOWN and not antialias:
        x = resize(x, size, interpolation, data_format="channels_last")
    else:
        x = tf.cast(x, tf.float32)
        for index, axis in enumerate((-3, -2)):
            weights = _weights(x.shape[axis], size[index], interpolation, antialias)
            x = keras.ops.moveaxis(x, axis, -2)
            x = keras.ops.moveaxis(tf.matmul(weights, x), -2, axis)
    return x if data_format == "channels_last" else keras.ops.moveaxis(x, -1, -3)


def _at_aspect(x: Any, size: Size) -> list[tuple[int, int]]:
    """Each length of the images, and what it would be at the aspect of `size` given the other."""
    (rows, columns), (high, wide) = x.shape[-3:-1], size
    return [
        (rows, int(np.float32(columns * high) / np.float32(wide))),
        (columns, int(np.float32(rows * wide) / np.float32(high))),
    ]


def cropped(x: Any, size: Size) -> Any:
    """Images [..., rows, columns, channels] cut to the aspect of `size`, as Keras does."""
    lengths = [(old, max(min(old, new), 1)) for old, new in _at_aspect(x, size)]
    rows, columns = (slice((old - new) // 2, (old - new) // 2 + new) for old, new in lengths)
    return x[..., rows, columns, :]


def padded(x: Any, size: Size, value: float) -> Any:
    """Images extended to the aspect of `size`; the same on both sides, so an odd rest is lost."""
    margins = [(max(old, new) - old) // 2 for old, new in _at_aspect(x, size)]
    around = [(0, 0)] * (len(x.shape) - 3) + [(each, each) for each in margins] + [(0, 0)]
    return tf.pad(x, around, constant_values=tf.cast(value, x.dtype))


def _weights(length: int, wanted: int, interpolation: str, antialias: bool) -> np.ndarray:
    """What each of `wanted` places takes from each of `length`: resized columns of an identity."""
    with tf.init_scope():
        columns = np.eye(length, dtype=np.float32)[:, None, :]
        resized = tf.image.resize(columns, (wanted, 1), interpolation, antialias=antialias)
        return np.asarray(resized[:, 0])
