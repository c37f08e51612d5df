"""HDF5 files that Keras 3 wrote give the model that was saved."""

import keras
import numpy as np
import pytest
from keras import layers

from export.loading.load_model import load_model
from fleras import BatchNormalization


def branches():
    x = keras.Input((8, 8, 3))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    y = layers.ReLU()(layers.Add()([y, layers.SeparableConv2D(4, 3, padding="same")(x)]))
    return keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y)))


def nested():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5), BatchNormalization()])
    x = keras.Input((4, 6))
    y = layers.Bidirectional(layers.LSTM(3))(layers.TimeDistributed(inner)(x))
    return keras.Model(x, layers.Dense(2, kernel_regularizer="l2")(y))


@pytest.mark.parametrize("build", [branches, nested])
def test_a_file_of_keras_3(build, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.2, 1.5, w.shape) for w in model.get_weights()])
    model.save(tmp_path / "model.h5")
    x = rng.normal(size=(2, *model.input_shape[1:])).astype("float32")
    loaded = load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6, atol=1e-6)
