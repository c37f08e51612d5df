"""Equal ranges reach the int8 files of both formats, and what can't be rebuilt says so."""

import keras
import numpy as np
import pytest
from keras import layers

from export import to_onnx, to_tflite
from export.keras_model import equalized as module
from export.keras_model.equalized import equalized
from fold import FoldError

RNG = np.random.default_rng(0)
DATA = RNG.uniform(-1, 1, (40, 6, 6, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def unequal():
    """Channels over three orders of magnitude between two convolutions."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3), name="image")
    first, second = layers.Conv2D(8, 3), layers.Conv2D(4, 3)
    model = keras.Model(image, second(layers.ReLU()(first(image))))
    factors = 10 ** np.linspace(-3, 0, 8)
    kernel, bias = first.get_weights()
    first.set_weights([kernel * factors, bias * factors])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / factors[:, None], bias])
    return model


def test_it_computes_the_same(unequal):
    model, refusal = equalized(unequal, {"image": DATA})
    assert not refusal
    np.testing.assert_allclose(model(DATA), unequal(DATA), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("convert", "form"), [(to_onnx, "onnx"), (to_tflite, "tflite")])
def test_it_is_what_int8_files_are_made_of(convert, form, unequal, tmp_path, monkeypatch):
    settings = {"precision": "int8", "calibration": DATA, "overwrite": True}
    convert(unequal, tmp_path / f"m.{form}", min_sqnr=30.0, **settings)
    monkeypatch.setattr(module, "equalize", lambda model, data: model)
    with pytest.raises(Exception, match="does not compute"):
        convert(unequal, tmp_path / f"m.{form}", min_sqnr=30.0, **settings)


def test_a_model_that_is_not_rebuilt_stays_with_its_reason(unequal, monkeypatch):
    def refuse(model, data):
        raise FoldError("not today")

    monkeypatch.setattr(module, "equalize", refuse)
    model, refusal = equalized(unequal, {"image": DATA})
    assert model is unequal
    assert "not today" in refusal
