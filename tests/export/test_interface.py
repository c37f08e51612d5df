import keras
import numpy as np
import pytest

from export.errors import InputError
from export.interface import input_names, named_inputs, output_names


@pytest.fixture
def x():
    return keras.Input((4,), name="x 1")


def dense(x, name):
    return keras.layers.Dense(2, name=name)(x)


def test_a_single_output_has_the_name_of_its_layer(x):
    model = keras.Model(x, dense(x, "scores"))
    assert input_names(model) == ["x 1"]
    assert output_names(model) == ["scores"]


def test_sequential_models_too():
    layers = [keras.Input((3,), name="x"), keras.layers.Dense(2, name="scores")]
    model = keras.Sequential(layers)
    assert (input_names(model), output_names(model)) == (["x"], ["scores"])


def test_dict_outputs_have_their_keys_in_the_order_of_flatten(x):
    outputs = {"z": dense(x, "one"), "a": {"b": dense(x, "two"), "a": dense(x, "three")}}
    model = keras.Model(x, outputs)
    values = keras.tree.flatten(model(np.ones((1, 4), "float32")))
    by_name = dict(zip(output_names(model), values, strict=True))
    assert list(by_name) == ["a/a", "a/b", "z"]
    expected = model.get_layer("one")(np.ones((1, 4), "float32"))
    np.testing.assert_array_equal(by_name["z"], expected)


def test_the_same_layer_twice_is_made_unique(x):
    y = dense(x, "y")
    assert output_names(keras.Model(x, [y, y, x])) == ["y", "y_1", "x 1"]


def test_inputs_by_name_by_position_or_alone(x):
    model = keras.Model([x, keras.Input((1,), name="b")], dense(x, "y"))
    a, b = np.zeros((2, 4)), np.zeros((2, 1))
    assert list(named_inputs(model, [a, b])) == ["x 1", "b"]
    assert named_inputs(model, {"b": b, "x 1": a})["x 1"].dtype == np.float32
    assert "x 1" in named_inputs(keras.Model(x, dense(x, "z")), a)


@pytest.mark.parametrize("wrong", [np.zeros((2, 5)), np.zeros(4), {"y": np.zeros((2, 4))}])
def test_inputs_that_do_not_fit_are_refused(x, wrong):
    with pytest.raises(InputError, match=r"the model"):
        named_inputs(keras.Model(x, dense(x, "y")), wrong)
