"""Batch moments, read from memory as few times as the device at hand allows.

A CPU has no kernel that only takes moments: the one that trains batch norm writes a normalized
tensor as well. A product with ones and the filter gradient of a 1x1 depthwise convolution of the
tensor with itself give sum and sum of squares per channel and write nothing.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import tensorflow as tf

from fleras.numerics.renorm import Moments

LARGEST_ERROR = 3e-4  # of a variance that is the difference of mean(x^2) and mean^2


class Statistics(NamedTuple):
    """Moments per channel, and the three reserves that `FusedBatchNormGradV3` takes."""

    moments: Moments
    reserves: tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def batch_statistics(x: tf.Tensor, epsilon: float, data_format: str) -> Statistics:
    """The float32 statistics of a tensor of rank 4 or 5 over all axes but the channels."""
    x = tf.stop_gradient(x)
    return _of_kernel(x, epsilon, data_format) if _has_gpu() else _of_sums(x, epsilon, data_format)


@cache
def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


def _of_kernel(x: tf.Tensor, epsilon: float, data_format: str) -> Statistics:
    vector = tf.zeros([x.shape[data_format.index("C")]])
    _, mean, unbiased, *reserves = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.ones_like(vector),
        offset=vector,
        mean=[],
        variance=[],
        epsilon=epsilon,
        data_format=data_format,
        is_training=True,
    )[:6]
    count = _count(x, mean)
    # cuDNN's Bessel correction gives NaN for one element
    variance = tf.where(count > 1, unbiased * (count - 1) / tf.maximum(count, 1), 0)
    return Statistics(Moments(mean, vector, variance, count), tuple(reserves))


def _of_sums(x: tf.Tensor, epsilon: float, data_format: str) -> Statistics:
    x = tf.cast(x, tf.float32)
    mean, square = _averages(x, data_format)
    count = _count(x, mean)
    share = LARGEST_ERROR / (LARGEST_ERROR + _rounding(count))
    rest, variance = tf.cond(
        tf.reduce_all(tf.square(mean) < share * (square + epsilon)),
        lambda: (tf.zeros_like(mean), square - tf.square(mean)),
        lambda: _central(x, mean, data_format),
    )
    moments = Moments(mean, rest, tf.maximum(variance, 0), count)
    return Statistics(moments, (moments.mean, moments.variance, tf.zeros([0])))


def _rounding(count: tf.Tensor) -> tf.Tensor:
    """How far off a float32 mean of `count` squares can be, relative to it; measured."""
    return 2**-21 + 2**-24 * tf.sqrt(count)


def _central(x: tf.Tensor, mean: tf.Tensor, data_format: str) -> tuple[tf.Tensor, tf.Tensor]:
    """What the mean lacks, and the variance: nothing cancels once the mean is subtracted."""
    spread = [-1 if name == "C" else 1 for name in data_format]
    rest, square = _averages(x - tf.reshape(mean, spread), data_format)
    return rest, square - tf.square(rest)


def _averages(x: tf.Tensor, data_format: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean of a float32 tensor and of its square per channel; 0 for an empty one."""
    sums = _sums_of_last if data_format.endswith("C") else _sums_of_second
    total, square = sums(x)
    scale = 1 / tf.maximum(_count(x, total), 1)
    return total * scale, square * scale


def _count(x: tf.Tensor, statistic: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.size(x) // tf.size(statistic), tf.float32)


def _sums_of_last(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    *_, width, channels = x.shape
    rows = tf.reshape(x, [-1, (width or 1) * channels])
    total = tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)
    return tf.reduce_sum(tf.reshape(total, [-1, channels]), 0), _squares_of_last(x)


def _squares_of_last(x: tf.Tensor) -> tf.Tensor:
    *before, channels = x.shape
    if before[1:] == [1, 1]:
        return tf.square(tf.math.reduce_euclidean_norm(x, [0, 1, 2]))
    images = x if x.shape.rank == 4 else _without_depth(x)
    square = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
        input=images,
        filter_sizes=[1, 1, channels, 1],
        out_backprop=images,
        strides=[1, 1, 1, 1],
        padding="VALID",
    )
    return tf.reshape(square, [channels])


def _without_depth(x: tf.Tensor) -> tf.Tensor:
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    flat = tf.reshape(x, tf.stack([batch, depth * height, width, channels]))
    return tf.ensure_shape(flat, [x.shape[0], None, x.shape[3], x.shape[4]])


def _sums_of_second(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(x)
    rows = tf.reshape(x, tf.concat([shape[:2], [1, tf.reduce_prod(shape[2:])]], 0))
    total = tf.matmul(rows, tf.ones_like(rows[:1, :1]), transpose_b=True)
    square = tf.matmul(rows, rows, transpose_b=True)
    return tf.reduce_sum(total, [0, 2, 3]), tf.reduce_sum(square, [0, 2, 3])
