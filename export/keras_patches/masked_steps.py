"""Sequences in which some steps are masked: the others come first, and back to their place."""

from typing import Any

import tensorflow as tf

from export.keras_patches.onnx_operator import operator


def compact(x: Any, mask: Any) -> tuple[Any, Any]:
    """The steps of x [batch, time, features] that are not masked, in order, and their number.

    What follows them are the masked ones.
    """
    kept = tf.cast(mask, tf.float32)
    times = kept.shape[1] or tf.shape(kept)[1]
    at = tf.cast(tf.range(times), tf.float32)
    rank = kept * tf.cast(times, tf.float32) - at
    order = tf.math.top_k(rank, times).indices
    return _steps(x, order), tf.cast(tf.reduce_sum(kept, 1), tf.int32)


def spread(y: Any, mask: Any, zero: bool) -> Any:
    """The opposite; a masked step repeats the one before, or is zero."""
    kept = tf.cast(mask, tf.int32)
    seen = tf.cumsum(kept, 1)
    y = _steps(y, tf.maximum(seen - 1, 0))
    valid = tf.cast((kept if zero else seen)[..., None], tf.bool)
    return tf.where(valid, y, tf.zeros((), y.dtype))


def _steps(x: Any, order: Any) -> Any:
    """The steps of each example in its own order [batch, time]."""
    indices = tf.tile(order[..., None], (1, 1, x.shape[-1]))
    return operator("GatherElements", [x, indices], [x.shape], x.dtype, axis=1)[0]
