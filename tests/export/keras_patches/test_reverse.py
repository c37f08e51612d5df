"""Reversed axes: a Slice each, in every form of the argument."""

import keras
import numpy as np
import pytest
from keras import ops

from export import to_onnx
from export.formats import open_artifact

X = np.arange(24, dtype="float32").reshape(2, 3, 4)


def test_every_axis_in_every_form(tmp_path):
    x = keras.Input((3, 4), name="x")
    axes = [None, 0, 1, -1, (1, 2), [0, -1]]
    model = keras.Model(x, [ops.flip(x, axis) for axis in axes])
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert artifact.operators.keys() == {"Slice"}
    made = open_artifact(artifact.path)({"x": X}).values()
    for axis, value in zip(axes, made, strict=True):
        wanted = np.flip(X, axis if axis is None else tuple(np.atleast_1d(axis)))
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_other_dtypes(dtype, tmp_path):
    x = keras.Input((3, 4), name="x")
    model = keras.Model(x, ops.cast(ops.flip(ops.cast(x > 5, dtype), 1), "float32"))
    to_onnx(model, tmp_path / "model.onnx")
