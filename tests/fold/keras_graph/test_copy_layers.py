"""A copy computes the same with variables of its own, whatever the config says."""

import keras
import numpy as np
import pytest
from keras import layers

from fold.keras_graph.copy_layers import LayerCopies
from tests.fold.examples import EXAMPLES, build
from tests.fold.foreign_layers import Counter, NeedsArgument, OwnWeights, Residual


def example(make):
    layer = make()
    layer(np.zeros((2, 6, 4), "float32"))
    return layer


LAYERS = [lambda: NeedsArgument(2.0), lambda: Residual(4), lambda: OwnWeights(4), Counter]
LAYERS += [lambda: layers.LSTM(3), lambda: layers.Bidirectional(layers.GRU(3)), lambda: quantized()]


def quantized():
    layer = layers.Dense(3)
    layer.build((None, 4))
    layer.quantize("int8")
    return layer


@pytest.mark.parametrize("make", LAYERS)
def test_a_copy_is_independent(make):
    layer = example(make)
    copy = LayerCopies().copy(layer)
    data = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    np.testing.assert_allclose(copy(data), layer(data), rtol=1e-6)
    assert [v.path for v in copy.variables] == [v.path for v in layer.variables]
    assert not {id(v) for v in copy.variables} & {id(v) for v in layer.variables}
    before = layer.get_weights()
    for variable in copy.variables:
        variable.assign(variable + 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_a_model_of_any_layer_is_copied(number, tmp_path):
    model = build(EXAMPLES[number], "float32")
    copy = LayerCopies().copy(model)
    rng = np.random.default_rng(0)
    data = [rng.uniform(0, 6, (2, *t.shape[1:])).astype("float32") for t in model.inputs]
    np.testing.assert_array_equal(copy(data), model(data))
    assert copy.get_config() == model.get_config()


def test_a_copied_model_trains_and_saves_and_the_given_one_stays(tmp_path):
    inputs = keras.Input((4,))
    inner = keras.Sequential([layers.Dense(4), layers.BatchNormalization()])
    model = keras.Model(inputs, layers.Dense(2)(inner(inner(inputs))))
    model.compile("adam", "mse")
    data, target = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    model.fit(data, target, verbose=0)
    before = model.get_weights()
    copy = LayerCopies().copy(model)
    copy.compile("sgd", "mse")
    copy.fit(data, target, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    copy.save(tmp_path / "copy.keras")
    loaded = keras.models.load_model(tmp_path / "copy.keras")
    np.testing.assert_allclose(loaded(data), copy(data), rtol=1e-6)
