"""Pooling of volumes, which TFLite can't do and a CPU not in float64, by pooling planes."""

from collections.abc import Callable
from typing import Any

import keras

from export.keras_patches.per_axis import per_axis


def by_plane(
    pool: Callable[..., Any],
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Keras' `pool` of images; volumes plane by plane and then along the depth."""
    if len(inputs.shape) != 5:
        return pool(inputs, pool_size, strides, padding, data_format)
    first = (data_format or keras.config.image_data_format()) == "channels_first"
    x = keras.ops.moveaxis(inputs, 1, -1) if first else inputs
    window = per_axis(pool_size, 3)
    steps = per_axis(pool_size if strides is None else strides, 3)
    batch, depth, rows, columns, channels = keras.ops.shape(x)
    planes = keras.ops.reshape(x, (batch * depth, rows, columns, channels))
    planes = pool(planes, window[1:], steps[1:], padding, "channels_last")
    _, rows, columns, _ = keras.ops.shape(planes)
    lines = keras.ops.reshape(planes, (batch, depth, rows * columns, channels))
    lines = pool(lines, (window[0], 1), (steps[0], 1), padding, "channels_last")
    y = keras.ops.reshape(lines, (batch, keras.ops.shape(lines)[1], rows, columns, channels))
    return keras.ops.moveaxis(y, -1, 1) if first else y
