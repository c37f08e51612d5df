"""Whether the operations now being created will be compiled by XLA."""

import os

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext


def compiled_by_xla() -> bool:
    """True inside `tf.function(jit_compile=True)`, on TPUs and when XLA picks clusters itself.

    XLA's fused batch norm computes the variance as E[x^2] - E[x]^2, which loses all digits when
    |mean| >> stddev.
    """
    if tf.executing_eagerly():
        return False
    graph = tf.compat.v1.get_default_graph()
    return GraphOrParentsInXlaContext(graph) or _clusters_automatically()


def _clusters_automatically() -> bool:
    flags = os.environ.get("TF_XLA_FLAGS", "")
    return bool(tf.config.optimizer.get_jit()) or "tf_xla_auto_jit=" in flags
