"""What is done to a model before it is converted, and what is said about it."""

import keras
import numpy as np
import pytest

from export import to_onnx, to_tflite
from export.base.errors import InputError
from export.keras_model.prepare import prepare
from fold import fold_batch_norms
from tests.export import zoo


def test_a_float32_model_is_taken_as_it_is():
    model = zoo.build(zoo.norms)
    prepared = prepare(model)
    assert prepared.model is model and not prepared.notes


def test_half_precision_is_rebuilt_and_said():
    model = zoo.build(zoo.half_precision)
    prepared = prepare(model)
    assert {layer.compute_dtype for layer in prepared.model.layers} == {"float32"}
    assert "rebuilt in float32" in prepared.notes[0]
    assert "float16" in {layer.compute_dtype for layer in model.layers}


def test_augmentation_and_training_are_said():
    assert "random augmentation" in prepare(zoo.build(zoo.augmentation)).notes[0]
    assert "training=True" in prepare(zoo.build(zoo.training_norm)).notes[0]


def test_a_subclassed_model_gets_ports():
    model = prepare(zoo.build(zoo.subclassed)).model
    assert [tensor.name for tensor in model.inputs] == ["input"]


def test_a_model_that_was_never_built_is_refused():
    with pytest.raises(InputError, match="never built"):
        prepare(keras.Sequential([keras.layers.Dense(2)]))


def test_float64_constants_are_rebuilt_and_said():
    entry = keras.Input((4,))
    model = keras.Model(entry, keras.layers.Dense(2)(entry) * np.array([1.5, 2.5]))
    assert model.output.dtype == "float64"
    prepared = prepare(model)
    assert prepared.model.output.dtype == "float32"
    assert prepared.notes == ("what computed in float64 was rebuilt in float32",)
    data = np.ones((1, 4), "float32")
    np.testing.assert_allclose(prepared.model(data), model(data), rtol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_stateful_layer_is_refused_with_the_way_out_and_left_alone(bidirectional, tmp_path):
    entry = keras.Input(batch_shape=(2, 3, 4))
    layer = keras.layers.LSTM(3, stateful=True)
    x = keras.layers.Bidirectional(layer)(entry) if bidirectional else layer(entry)
    model = keras.Model(entry, x)
    model(np.ones((2, 3, 4), "float32"))
    before = [np.array(variable) for variable in model.variables]
    for write, name in ((to_onnx, "m.onnx"), (to_tflite, "m.tflite"), (fold_batch_norms, "")):
        if name:
            with pytest.raises(InputError, match=r"stateful.*initial_state=.*outputs"):
                write(model, tmp_path / name)
        else:
            write(model)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert not list(tmp_path.iterdir())
