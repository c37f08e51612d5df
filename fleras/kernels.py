"""Batch renormalization on TensorFlow's fused batch-norm kernels.

Three kernels do the work on the full tensor: a training `FusedBatchNormV3` for the batch
statistics, an inference one that applies the corrected transformation (and that Grappler merges
with a following ReLU), and `FusedBatchNormGradV3`.
"""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from fleras.clipping import Limits
from fleras.renorm import Moments, Reference, correction, or_reference

DTYPES = (tf.float16, tf.bfloat16, tf.float32)
LARGEST_MEAN = 64  # standard deviations; beyond, a mean that is off by some ulps shows


def fused_renormalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    reference: Reference,
    limits: Limits,
    epsilon: float,
    data_format: str,
) -> tuple[tf.Tensor, Moments]:
    """Renormalizes a tensor of rank 4 or 5 over all axes but the channels.

    With `s = gamma * r`, the output is `s * (x - mean) / stddev + gamma * d + beta`. As r
    and d have no gradient, its derivatives are batch norm's with scale s; gamma's is
    `r * ds + d * dbeta`.

    Args:
        x: float16, bfloat16 or float32.
        gamma: scale, beta: offset, and the reference: float32 vectors.
        beta: see gamma.
        reference: see `Reference`.
        limits: limits of `r` and `d`.
        epsilon: added to the variance.
        data_format: 'NHWC', 'NCHW', 'NDHWC' or 'NCDHW'.

    Returns:
        The outputs, of the dtype of `x`, and the float32 moments, vectors.
    """
    attributes = {"epsilon": epsilon, "data_format": data_format}
    mean, unbiased, *reserve = tf.raw_ops.FusedBatchNormV3(
        x=tf.stop_gradient(x),
        scale=tf.ones_like(reference.mean),
        offset=tf.zeros_like(reference.mean),
        mean=[],
        variance=[],
        is_training=True,
        **attributes,
    )[1:]
    moments = _moments(x, mean, unbiased, epsilon, data_format)
    moments = or_reference(moments, reference, epsilon)
    r, d = correction(moments, reference, epsilon, limits)
    bias = d - moments.rest * r * tf.math.rsqrt(moments.variance + epsilon)

    @tf.custom_gradient
    def transform(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple:
        y = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=gamma * r,
            offset=gamma * bias + beta,
            mean=moments.shift,
            variance=moments.variance,
            is_training=False,
            **attributes,
        ).y

        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            dx, dscale, doffset, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=dy,
                x=x,
                scale=gamma * r,
                reserve_space_1=reserve[0] + moments.rest,
                reserve_space_2=reserve[1],
                reserve_space_3=reserve[2],
                is_training=True,
                **attributes,
            )
            return dx, r * dscale + d * doffset, doffset

        return y, gradient

    return transform(x, gamma, beta), moments


def _moments(
    x: tf.Tensor, mean: tf.Tensor, unbiased: tf.Tensor, epsilon: float, data_format: str
) -> Moments:
    """Undoes Bessel's correction; cuDNN gives NaN for the variance of one element."""
    count = tf.cast(tf.size(x) / tf.size(mean), tf.float32)
    ratio = (count - 1) / tf.maximum(count, 1)
    variance = tf.where(count > 1, unbiased * ratio, 0)
    if _has_gpu():
        return Moments(mean, tf.zeros_like(mean), variance, count)
    imprecise = tf.abs(mean) > LARGEST_MEAN * tf.sqrt(variance + epsilon)
    rest = tf.cond(
        tf.reduce_any(imprecise),
        lambda: _mean_deviation(tf.stop_gradient(x), mean, data_format),
        lambda: tf.zeros_like(mean),
    )
    return Moments(mean, rest, variance - tf.square(rest), count)


def _mean_deviation(x: tf.Tensor, mean: tf.Tensor, data_format: str) -> tf.Tensor:
    """What the mean lacks: the kernels of CPUs add up float32 one after the other."""
    channel = data_format.index("C")
    shape = [-1 if axis == channel else 1 for axis in range(len(data_format))]
    axes = [axis for axis in range(len(data_format)) if axis != channel]
    return tf.reduce_mean(tf.cast(x, tf.float32) - tf.reshape(mean, shape), axes)


@cache
def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


def fused_normalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta` of a tensor [N, H, W, C]."""
    return tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=gamma,
        offset=beta,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=False,
    ).y
