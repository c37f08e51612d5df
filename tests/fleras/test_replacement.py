"""Models whose batch norms are exchanged compute the same, with the same weights and names."""

import keras
import numpy as np
import pytest

from fleras import (
    BatchNormalization,
    RenormClippingSchedule,
    replace_batch_norms,
    to_keras_batch_norms,
)
from sample_models.batch_norms import batch_norms, randomise

L = keras.layers
LIMITS = {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}


@keras.saving.register_keras_serializable("tests")
class Block(L.Layer):
    """A layer with a batch norm in its configuration."""

    def __init__(self, norm, **kwargs):
        super().__init__(**kwargs)
        self.norm = norm

    def call(self, x, training=None):
        return -self.norm(x, training=training)

    def get_config(self):
        return {**super().get_config(), "norm": keras.saving.serialize_keras_object(self.norm)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("norm")), **config)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = L.BatchNormalization()

    def call(self, x, training=None):
        return self.norm(x, training=training)


def network():
    inputs = keras.Input((6, 6, 3))
    shared = L.BatchNormalization(name="shared", momentum=0.8, epsilon=0.01, trainable=False)
    x = shared(L.Conv2D(3, 3, padding="same")(shared(inputs)))
    renorm = L.BatchNormalization(renorm=True, renorm_clipping=LIMITS, name="renorm")
    x = keras.Sequential([L.Conv2D(5, 1), renorm, L.ReLU()], name="nested")(x)
    x = L.TimeDistributed(L.BatchNormalization(axis=2, name="inside"))(x)
    x = Block(L.BatchNormalization(scale=False, name="block"))(x)
    model = keras.Model(inputs, x, name="network")
    model.compile("sgd", "mse")
    return randomise(model)


def images():
    return np.random.default_rng(1).normal(size=(4, 6, 6, 3)).astype("float32")


def test_there_and_back():
    model = network()
    ours = replace_batch_norms(model)
    assert {type(layer) for layer in batch_norms(ours)} == {BatchNormalization}
    theirs = to_keras_batch_norms(ours)
    assert {type(layer) for layer in batch_norms(theirs)} == {L.BatchNormalization}
    for other in (ours, theirs):
        assert [w.name for w in other.weights] == [w.name for w in model.weights]
        np.testing.assert_allclose(other(images()), model(images()), atol=1e-6)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert not other.get_layer("shared").trainable and other.get_layer("shared").momentum == 0.8
        assert other.compiled and other.name == "network"
    again = {layer.name: layer.get_config() for layer in batch_norms(theirs)}
    assert again == {layer.name: layer.get_config() for layer in batch_norms(model)}
    assert {type(layer) for layer in batch_norms(model)} == {L.BatchNormalization}


def test_the_copy_trains_like_the_renorm_layer_of_keras():
    layers = [keras.Input((4,)), L.BatchNormalization(renorm=True, renorm_clipping=LIMITS)]
    model = randomise(keras.Sequential([*layers, L.Dense(1)]), zeros=False)
    ours = replace_batch_norms(model)
    x, y = np.random.default_rng(0).normal(3, 2, (32, 4)), np.ones((32, 1))
    for network in (model, ours):
        network.compile(keras.optimizers.SGD(0.01), "mse")
        network.fit(x, y, batch_size=8, shuffle=False, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_given_clipping_is_shared_by_the_new_layers():
    schedule = RenormClippingSchedule()
    own = BatchNormalization(renorm_clipping=LIMITS, name="own")
    model = keras.Sequential([keras.Input((4,)), L.BatchNormalization(name="new"), own])
    copy = replace_batch_norms(model, schedule.clipping)
    assert copy.get_layer("new").renorm_clipping["rmax"] is schedule.clipping["rmax"]
    assert copy.get_layer("own").renorm_clipping == LIMITS
    assert len(copy.weights) == len(model.weights)


def test_what_can_not_be_replaced_is_named():
    model = Subclassed()
    model(images())
    with pytest.raises(ValueError, match=r"batch_normalization.*made by a class"):
        replace_batch_norms(model)
    with pytest.raises(ValueError, match="has no fleras"):
        to_keras_batch_norms(model)
    with pytest.raises(ValueError, match="must be built"):
        replace_batch_norms(keras.Sequential([L.BatchNormalization()]))
    several = keras.Sequential([keras.Input((4, 3)), BatchNormalization(axis=[1, 2], name="two")])
    with pytest.raises(ValueError, match=r"one axis.*'two'"):
        to_keras_batch_norms(several)


@pytest.mark.parametrize("renorm", [False, True])
def test_configuration_of_the_layer_of_keras(renorm):
    clipping = LIMITS if renorm else None
    stock = L.BatchNormalization(axis=1, renorm=renorm, renorm_clipping=clipping, momentum=0.7)
    stock.build((None, 5, 3))
    layer = BatchNormalization.from_config(stock.get_config())
    layer.build((None, 5, 3))
    layer.set_weights(stock.get_weights())
    assert layer.renorm_momentum == (0.99 if renorm else None)
    assert layer.renorm_clipping == clipping and layer.axis == 1 and layer.momentum == 0.7


def test_configuration_of_tf_keras():
    config = {"fused": True, "virtual_batch_size": None, "axis": [3], "name": "old"}
    layer = BatchNormalization.from_config(config)
    assert layer.axis == [3] and layer.name == "old"
    with pytest.raises(TypeError, match="virtual_batch_size"):
        BatchNormalization.from_config(config | {"virtual_batch_size": 8})
