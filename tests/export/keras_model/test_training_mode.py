"""What is called with `training=True`: the note is there where it changes what Keras computes."""

import keras
import numpy as np
import pytest
from keras import layers

from export.keras_model.training_mode import overridden
from sample_models.batch_norms import randomise

IMAGES = np.random.default_rng(1).normal(size=(3, 8, 8, 3)).astype("float32")


def model(layer, training):
    x = keras.Input((8, 8, 3))
    return randomise(keras.Model(x, layer(x, training=training)))


def nested(layer, inside, outside):
    x = keras.Input((8, 8, 3))
    return keras.Model(x, model(layer, inside)(x, training=outside))


CASES = {
    "dropout": model(layers.Dropout(0.5), True),
    "no dropout": model(layers.Dropout(0.0), True),
    "dropout as usual": model(layers.Dropout(0.5), None),
    "noise": model(layers.GaussianNoise(1.0), True),
    "batch norm": model(layers.BatchNormalization(), True),
    "batch norm over time": model(layers.TimeDistributed(layers.BatchNormalization()), True),
    "inside": nested(layers.Dropout(0.5), True, None),
    "outside": nested(layers.Dropout(0.5), None, True),
    "resizing": model(layers.Resizing(4, 4), True),
    "resizing as usual": model(layers.Resizing(4, 4), None),
    "dense alone": nested(layers.TimeDistributed(layers.Dense(2)), None, True),
}


@pytest.mark.parametrize("name", CASES)
def test_named_where_the_plain_call_differs_from_predict(name):
    plain, inference = CASES[name](IMAGES), CASES[name](IMAGES, training=False)
    assert bool(overridden(CASES[name])) != np.allclose(plain, inference)
    np.testing.assert_allclose(CASES[name].predict(IMAGES, verbose=0), inference, atol=1e-6)
