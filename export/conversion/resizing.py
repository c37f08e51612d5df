"""Resizing with kernels that neither format has, such as bicubic or with antialiasing."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

KNOWN = ("nearest", "bilinear")


def by_matrices(
    resize: Callable[..., Any],
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    data_format: str | None = None,
    **options: Any,
) -> Any:
    """Keras' `resize`; images of fixed size by a product with one matrix for each direction."""
    data_format = data_format or keras.config.image_data_format()
    channels_last = data_format == "channels_last"
    *_, rows, columns, _ = images.shape if channels_last else (*images.shape, None)
    usual = interpolation in KNOWN and not antialias
    if usual or options.get("crop_to_aspect_ratio") or options.get("pad_to_aspect_ratio"):
        rows = None
    if None in (rows, columns):
        return resize(images, size, interpolation, antialias, data_format=data_format, **options)
    vertical = _weights(rows, size[0], interpolation, antialias)
    horizontal = _weights(columns, size[1], interpolation, antialias)
    x = tf.cast(images if channels_last else keras.ops.moveaxis(images, -3, -1), tf.float32)
    x = keras.ops.swapaxes(tf.matmul(horizontal, x), -3, -2)
    x = keras.ops.swapaxes(tf.matmul(vertical, x), -3, -2)
    return x if channels_last else keras.ops.moveaxis(x, -1, -3)


def _weights(length: int, wanted: int, interpolation: str, antialias: bool) -> np.ndarray:
    """What each of `wanted` places takes from each of `length`: resized columns of an identity."""
    with tf.init_scope():
        columns = np.eye(length, dtype=np.float32)[:, None, :]
        return tf.image.resize(columns, (wanted, 1), interpolation, antialias=antialias)[
            :, 0
        ].numpy()
