"""Nearest resizing takes the pixels that TensorFlow takes, for every pair of sizes."""

import numpy as np
import pytest
import tensorflow as tf

from export.onnx_format.handlers.resize import indices


@pytest.mark.parametrize("old", range(1, 41))
def test_indices_are_those_of_tensorflow(old):
    rows = tf.range(old, dtype=tf.float32)[None, :, None, None]
    for new in range(1, 41):
        taken = tf.image.resize(rows, (new, 1), "nearest")
        np.testing.assert_array_equal(indices(old, new, 0.5), np.ravel(taken))
