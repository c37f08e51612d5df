"""Batch renormalization as pure functions of tensors, in plain operations.

Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models"
(arXiv:1702.03275), algorithm 1. Statistics are those of the population (divided by n).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from fleras.clipping import Limits


class Reference(NamedTuple):
    """The statistics that the correction pulls towards; `stddev` includes epsilon."""

    mean: tf.Tensor
    stddev: tf.Tensor


class Moments(NamedTuple):
    """Population mean and variance, and the number of elements behind them.

    The mean is `shift + rest`, kept apart because their sum loses digits when |mean| >> stddev.
    """

    shift: tf.Tensor
    rest: tf.Tensor
    variance: tf.Tensor
    count: tf.Tensor

    @property
    def mean(self) -> tf.Tensor:
        """The mean as one number."""
        return self.shift + self.rest


def correction(
    moments: Moments, reference: Reference, epsilon: float, limits: Limits
) -> tuple[tf.Tensor, tf.Tensor]:
    """The clipped `r` and `d` of algorithm 1; no gradient flows through them."""
    r = tf.sqrt(moments.variance + epsilon) / reference.stddev
    d = (moments.shift - reference.mean + moments.rest) / reference.stddev
    return tf.stop_gradient(limits.clip_r(r)), tf.stop_gradient(limits.clip_d(d))


def or_reference(moments: Moments, reference: Reference, epsilon: float) -> Moments:
    """Where nothing was counted, the reference's statistics, so that r = 1 and d = 0."""
    seen = moments.count > 0
    return Moments(
        tf.where(seen, moments.shift, reference.mean),
        tf.where(seen, moments.rest, 0),
        tf.where(seen, moments.variance, reference.stddev**2 - epsilon),
        moments.count,
    )


def plain_renormalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    reference: Reference,
    limits: Limits,
    epsilon: float,
    axes: list[int],
    mask: tf.Tensor | None = None,
    all_reduce: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tuple[tf.Tensor, Moments]:
    """Renormalizes with differentiable operations, for any rank, dtype and compiler.

    The moments are taken of `x - shift`, where the shift is near the mean. They do not depend on
    it (so it needs no gradient, to any order), but nothing cancels when |mean| >> stddev.

    Args:
        x: the inputs, float32 or float64.
        gamma: scale, beta: offset, and the reference: of the same rank as `x`, or scalars.
        beta: see gamma.
        reference: see `Reference`.
        limits: limits of `r` and `d`.
        epsilon: added to the variance.
        axes: the axes to average over.
        mask: boolean, broadcastable to `x`; False where elements don't count. Where such an element
            is not finite, the output is 0, with no derivative.
        all_reduce: differentiable sum over the replicas.

    Returns:
        The outputs and the moments, these with the rank of `x`.
    """

    def total(values: tf.Tensor) -> tf.Tensor:
        counted = values if mask is None else tf.where(mask, values, tf.zeros_like(values))
        return all_reduce(tf.reduce_sum(counted, axes, keepdims=True))

    usable = None if mask is None else mask | tf.math.is_finite(tf.square(x))
    x = x if usable is None else tf.where(usable, x, 0)
    rough = total(tf.stop_gradient(x))
    count = total(tf.ones_like(x)) if mask is not None else all_reduce(_count(x, rough))
    divisor = tf.maximum(count, 1)
    shift = tf.where(count > 0, rough / divisor, reference.mean)
    centered = x - shift
    rest = total(centered) / divisor
    variance = tf.maximum(total(tf.square(centered)) / divisor - tf.square(rest), 0)
    moments = or_reference(Moments(shift, rest, variance, count), reference, epsilon)
    r, d = correction(moments, reference, epsilon, limits)
    scale = gamma * r * tf.math.rsqrt(moments.variance + epsilon)
    y = (centered - moments.rest) * scale + (gamma * d + beta)
    return (y if usable is None else tf.where(usable, y, 0)), moments


def _count(x: tf.Tensor, statistic: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.size(x) / tf.size(statistic), x.dtype)


def plain_normalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for inference."""
    return (x - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta


def blend(old: tf.Tensor, new: tf.Tensor, momentum: float, count: tf.Tensor) -> tf.Tensor:
    """One step of the moving average; `old` where nothing was counted."""
    weight = tf.where(count > 0, tf.constant(1 - momentum, old.dtype), 0)
    return old * (1 - weight) + new * weight
