"""Reversed axes as a Slice of ONNX; a converter makes a dozen operators of TensorFlow's own."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.keras_patches.onnx_operator import operator

BEFORE_ALL = -(2**62)


def by_operator(flip: Callable[..., Any], x: Any, axis: Any = None) -> Any:
    """Keras' `flip`."""
    x = tf.convert_to_tensor(x)
    if x.dtype == tf.bool or not x.shape.rank:
        return flip(x, axis)
    axes = range(x.shape.rank) if axis is None else keras.tree.flatten(axis)
    return reverse(x, [int(each) % x.shape.rank for each in axes])


def reverse(x: Any, axes: list[int]) -> Any:
    """`x` in the opposite order along each of `axes`, which are not negative."""
    starts, ends, steps = ([value] * len(axes) for value in (-1, BEFORE_ALL, -1))
    limits = (np.array(each, np.int64) for each in (starts, ends, axes, steps))
    (result,) = operator("Slice", [x, *limits], [x.shape], x.dtype)
    return result
