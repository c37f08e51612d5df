"""Grouped convolutions and softmax of many axes on a CPU: as Keras has them, and at once."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.keras_model.run import run_model
from export.keras_patches import eager


def grouped(rank, groups, **given):
    return getattr(layers, f"Conv{rank}D")(12, 3, groups=groups, **given)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2])
def test_grouped_convolutions(rank, data_format, dtype):
    first = data_format == "channels_first"
    size = (9, 7)[:rank]
    order = {"data_format": data_format, "dtype": dtype}
    x = keras.Input((12, *size) if first else (*size, 12), name="x", dtype=dtype)
    settings = ({}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2, "padding": "same"})
    built = [grouped(rank, n, **order, **each) for n in (2, 3, 12) for each in settings]
    model = keras.Model(x, [layer(x) for layer in built])
    values = np.random.default_rng(rank).normal(size=(2, *x.shape[1:])).astype(dtype)
    wanted = keras.tree.flatten(model(values, training=False))
    for made, value in zip(run_model(model, {"x": values}).values(), wanted, strict=True):
        np.testing.assert_allclose(made, ops.convert_to_numpy(value), rtol=1e-5, atol=1e-5)


def test_they_are_not_compiled(monkeypatch):
    x = keras.Input((8, 8, 4), name="x")
    model = keras.Model(x, grouped(2, 2)(x))
    monkeypatch.setattr("tensorflow.function", lambda **given: pytest.fail("compiled"))
    run_model(model, {"x": np.ones((1, 8, 8, 4), "float32")})


@pytest.mark.parametrize("axis", [-1, 1, 3])
def test_softmax_of_many_axes(axis):
    shape = (2, 3, 2, 4, 2, 3, 2)
    x = keras.Input(shape[1:], name="x")
    model = keras.Model(x, ops.softmax(x, axis))
    values = np.random.default_rng(0).normal(size=shape).astype("float32")
    (made,) = run_model(model, {"x": values}).values()
    powers = np.exp(values.astype("float64"))
    np.testing.assert_allclose(made, powers / powers.sum(axis, keepdims=True), rtol=1e-5)
    assert eager.MOST_AXES == 5
