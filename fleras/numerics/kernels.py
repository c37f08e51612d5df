"""Batch renormalization on TensorFlow's fused batch-norm kernels.

Once the batch statistics are known, two kernels do the work on the full tensor: an inference
`FusedBatchNormV3` that applies the corrected transformation (and that Grappler merges with a
following ReLU), and `FusedBatchNormGradV3`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fleras.clipping import Limits
from fleras.numerics.batch_moments import batch_statistics
from fleras.numerics.renorm import Moments, Reference, correction, or_reference

DTYPES = (tf.float16, tf.bfloat16, tf.float32)


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
    moments, reserves = batch_statistics(x, epsilon, data_format)
    moments = or_reference(moments, reference, epsilon)
    r, d = correction(moments, reference, epsilon, limits)
    bias = d - moments.rest * r * tf.math.rsqrt(moments.variance + epsilon)

    @tf.custom_gradient
    def transform(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[Any, ...]:
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
                reserve_space_1=reserves[0],
                reserve_space_2=reserves[1],
                reserve_space_3=reserves[2],
                is_training=True,
                **attributes,
            )
            return dx, r * dscale + d * doffset, doffset

        return y, gradient

    return transform(x, gamma, beta), moments


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
