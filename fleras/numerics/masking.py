"""Masks of elements that don't count, brought to the rank of the inputs."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def aligned_mask(mask: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """A boolean mask that broadcasts to `x`.

    As everywhere in Keras, the axes of a mask are the leading axes of the inputs ([batch, time]
    for inputs [batch, time, features]). If their sizes rule that out, they are the trailing ones,
    as NumPy broadcasts.

    Raises:
        ValueError: the mask does not broadcast to the inputs either way.
    """
    mask = tf.cast(mask, tf.bool)
    rank = len(mask.shape)
    ones = [1] * (len(x.shape) - rank)
    if _broadcasts([*mask.shape, *ones], x.shape):
        return mask[(..., *[tf.newaxis] * len(ones))]
    if _broadcasts([*ones, *mask.shape], x.shape):
        return mask
    raise ValueError(
        "mask must be broadcastable to the inputs. "
        f"Received: mask.shape={mask.shape}, inputs.shape={x.shape}"
    )


def _broadcasts(shape: Sequence[int | None], to: Sequence[int | None]) -> bool:
    return len(shape) == len(to) and all(
        a in (1, None) or b is None or a == b for a, b in zip(shape, to, strict=True)
    )
