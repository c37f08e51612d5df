"""Bilinear resizing with every coordinate moved by a unit of its last place in float32.

Runtimes round the coordinates of an image in different ways, and none of them is more right.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from export.keras_patches.resizing import cropped, padded


def moved(
    resize: Callable[..., Any],
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Keras' `resize` and what the move adds to it."""
    aspect = (crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, fill_value)
    result = resize(images, size, interpolation, antialias, *aspect, data_format)
    data_format = data_format or keras.config.image_data_format()
    x = images if data_format == "channels_last" else keras.ops.moveaxis(images, -3, -1)
    if interpolation != "bilinear" or antialias or None in x.shape[-3:-1]:
        return result
    rows, columns = (int(length) for length in size)
    if crop_to_aspect_ratio:
        x = cropped(x, (rows, columns))
    elif pad_to_aspect_ratio:
        x = padded(x, (rows, columns), fill_value)
    added = _resized(x, rows, columns, 1) - _resized(x, rows, columns, 0)
    added = added if data_format == "channels_last" else keras.ops.moveaxis(added, -1, -3)
    return result + keras.ops.cast(added, result.dtype)


def _resized(x: Any, rows: int, columns: int, steps: int) -> Any:
    x = keras.ops.cast(x, "float64")
    high, wide = x.shape[-3:-1]
    x = keras.ops.einsum("ij,...jkc->...ikc", _weights(high, rows, steps), x)
    return keras.ops.einsum("ij,...kjc->...kic", _weights(wide, columns, steps), x)


def _weights(length: int, wanted: int, steps: int) -> np.ndarray:
    """What each of `wanted` pixels takes from each of `length`."""
    centers = (np.arange(wanted) + 0.5) * length / wanted
    centers += steps * np.spacing(centers.astype(np.float32))
    positions = np.clip(centers - 0.5, 0, length - 1)
    lower = np.floor(positions).astype(int)
    share = (positions - lower)[:, None]
    pixels = np.eye(length)
    upper = pixels[np.minimum(lower + 1, length - 1)]
    return np.asarray((1 - share) * pixels[lower] + share * upper)
