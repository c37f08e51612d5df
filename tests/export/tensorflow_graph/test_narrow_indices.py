"""Indices that were given in int64 become int32 wherever an operator takes either."""

import numpy as np
import pytest
import tensorflow as tf

from export.tensorflow_graph.narrow_indices import narrow

X = np.arange(24, dtype="float32").reshape(2, 3, 4)
WIDE = np.int64
CALLS = {
    "Mean": lambda x: tf.reduce_mean(x, np.array([1, 2], WIDE)),
    "Max": lambda x: tf.reduce_max(x, np.array([0], WIDE)),
    "Reshape": lambda x: tf.reshape(x, np.array([4, 6], WIDE)),
    "Transpose": lambda x: tf.transpose(x, np.array([2, 0, 1], WIDE)),
    "Pad": lambda x: tf.pad(x, np.ones((3, 2), WIDE)),
    "Tile": lambda x: tf.tile(x, np.array([1, 2, 1], WIDE)),
    "ConcatV2": lambda x: tf.raw_ops.ConcatV2(values=[x, x], axis=tf.constant(1, tf.int64)),
    "GatherV2": lambda x: tf.gather(x, np.array([1, 0], WIDE), axis=1),
    "StridedSlice": lambda x: tf.strided_slice(
        x, *np.array([[0, 1, 0], [2, 3, 2], [1, 1, 1]], WIDE)
    ),
}


def run(graph, name):
    with tf.Graph().as_default() as made:
        tf.import_graph_def(graph, name="")
        with tf.compat.v1.Session(graph=made) as session:
            return session.run(name, {"x:0": X})


@pytest.mark.parametrize("kind", CALLS)
def test_int32_and_the_same_result(kind):
    with tf.Graph().as_default() as graph:
        result = CALLS[kind](tf.compat.v1.placeholder("float32", X.shape, "x"))
    definition = graph.as_graph_def()
    before = run(definition, result.name)
    (node,) = (each for each in definition.node if each.op == kind)
    assert tf.int64.as_datatype_enum in {value.type for value in node.attr.values()}
    definition.node.extend(narrow(definition.node))
    assert tf.int64.as_datatype_enum not in {value.type for value in node.attr.values()}
    np.testing.assert_array_equal(run(definition, result.name), before)


def test_values_stay_what_they_are():
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder("int64", (2,), "x")
        _ = x + np.array([3, 4], WIDE), tf.range(np.int64(5), name="numbers")
    definition = graph.as_graph_def()
    assert narrow(definition.node) == []
