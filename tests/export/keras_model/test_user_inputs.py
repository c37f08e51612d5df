import keras
import numpy as np
import pytest

from export.base.errors import InputError
from export.keras_model.user_inputs import named_inputs


def model_of(*names):
    tensors = [keras.Input((4,), name=name) for name in names]
    return keras.Model(tensors, keras.layers.Dense(2)(tensors[0]))


def test_inputs_by_name_by_position_or_alone():
    a, b = np.zeros((2, 4)), np.ones((2, 4))
    for given in ([a, b], {"y": b, "x": a}):
        feeds = named_inputs(model_of("x", "y"), given)
        assert list(feeds) == ["x", "y"]
        assert feeds["y"].dtype == np.float32
        assert feeds["y"][0, 0] == 1
    assert list(named_inputs(model_of("x"), a)) == ["x"]
    assert list(named_inputs(model_of("x"), {"arr_0": a})) == ["x"]


@pytest.mark.parametrize(
    "wrong",
    [
        [np.zeros((2, 4))],
        [np.zeros((2, 4)), np.zeros((3, 4))],
        [np.zeros((2, 4)), np.zeros((2, 5))],
        [np.zeros((0, 4)), np.zeros((0, 4))],
        {"x": np.zeros((2, 4)), "z": np.zeros((2, 4))},
    ],
)
def test_inputs_that_do_not_fit_are_refused(wrong):
    with pytest.raises(InputError, match=r"the model|same number"):
        named_inputs(model_of("x", "y"), wrong)
