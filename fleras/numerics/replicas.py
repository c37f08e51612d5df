"""Sums over the replicas of a distribution strategy."""

import tensorflow as tf


def has_replicas() -> bool:
    """Whether this is one of several replicas."""
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync > 1


def sum_over_replicas(value: tf.Tensor) -> tf.Tensor:
    """The sum over all replicas, on each of them; differentiable."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
