"""What is remembered from step to step: which statistics, and how a batch updates them.

The statistics are dictionaries of tensors by the name of their variable. Every variable is read
once per step, and both the correction and the update come from that one value: Grappler may
reorder a second read behind the assignment.
"""

from __future__ import annotations

import tensorflow as tf

from fleras.numerics.renorm import Moments, Reference, blend

Statistics = dict[str, tf.Tensor]

MOVING = ("moving_mean", "moving_variance")
RENORM = (*MOVING, "moving_stddev", "renorm_mean", "renorm_stddev")


def reference(read: Statistics, epsilon: float) -> Reference:
    """The statistics to correct towards: the renorm ones if kept, else the moving ones."""
    if "renorm_mean" in read:
        floor = tf.sqrt(tf.constant(epsilon, read["renorm_stddev"].dtype))
        return Reference(read["renorm_mean"], tf.maximum(read["renorm_stddev"], floor))
    return Reference(read["moving_mean"], tf.sqrt(read["moving_variance"] + epsilon))


def updated(
    read: Statistics,
    moments: Moments,
    epsilon: float,
    momentum: float,
    renorm_momentum: float | None,
) -> Statistics:
    """The statistics after a step; those of Keras' `renorm=True` average standard deviations."""
    count = moments.count
    if renorm_momentum is None:
        return {
            "moving_mean": blend(read["moving_mean"], moments.mean, momentum, count),
            "moving_variance": blend(read["moving_variance"], moments.variance, momentum, count),
        }
    stddev = tf.sqrt(moments.variance + epsilon)
    moving_stddev = blend(read["moving_stddev"], stddev, momentum, count)
    variance = tf.nn.relu(tf.square(moving_stddev) - epsilon)
    return {
        "renorm_mean": blend(read["renorm_mean"], moments.mean, renorm_momentum, count),
        "renorm_stddev": blend(read["renorm_stddev"], stddev, renorm_momentum, count),
        "moving_mean": blend(read["moving_mean"], moments.mean, momentum, count),
        "moving_stddev": moving_stddev,
        "moving_variance": tf.where(count > 0, variance, read["moving_variance"]),
    }
