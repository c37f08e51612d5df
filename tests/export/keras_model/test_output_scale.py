"""Which outputs have a unit, and that a sigmoid near zero is no failure."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export import to_onnx, verify
from export.keras_model.output_scale import units
from export.verification.measure import measure
from export.verification.precisions import tolerances


def output_of(*steps):
    x = entry = keras.Input((4, 4))
    for step in steps:
        x = step(x)
    return keras.Model(entry, x)


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ([layers.Dense(2, "sigmoid")], [1.0]),
        ([layers.Dense(2), layers.Activation("hard_sigmoid")], [1.0]),
        ([ops.sigmoid, layers.Flatten(), layers.Activation("linear")], [1.0]),
        ([lambda x: output_of(layers.Dense(2, "softplus"))(x), layers.Reshape((2, 4))], [1.0]),
        ([lambda x: ops.concatenate([ops.sigmoid(x), x])], []),
        ([layers.Dense(2, "sigmoid"), layers.Dense(2)], []),
        ([layers.Dense(2, "softmax")], []),
    ],
)
def test_saturating_outputs_have_one(steps, wanted):
    assert list(units(output_of(*steps)).values()) == wanted


def test_the_unit_is_the_least_scale():
    truth, value = np.array([[1e-9]]), np.array([[2e-8]], np.float32)
    assert not measure("y", truth, value, None, tolerances()).passed
    assert measure("y", truth, value, None, tolerances(), unit=1.0).passed
    wrong = np.array([[1e-4]], np.float32)
    assert not measure("y", truth, wrong, None, tolerances(), unit=1.0).passed


def test_a_sure_classifier_is_equivalent(tmp_path):
    entry = keras.Input((4,))
    model = keras.Model(entry, layers.Dense(1, "sigmoid", bias_initializer="ones")(entry))
    model.layers[-1].bias.assign([-14.0])
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert verify(model, artifact.path)
