"""Nested models, composite layers and subclassed models become one flat graph."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.batch_norms import batch_norms
from tests.fold.checking import codes, folded, statuses


class Block(layers.Layer):
    def __init__(self, filters, **settings):
        super().__init__(**settings)
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.BatchNormalization()

    def call(self, inputs, training=None):
        return ops.relu(self.norm(self.conv(inputs), training=training) + inputs)


class RawBlock(Block):
    def call(self, inputs, training=None):
        return tf.nn.relu(self.norm(self.conv(inputs), training=training))


class Network(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.block = Block(4)
        self.head = layers.Dense(3)

    def call(self, inputs):
        return self.head(self.block(inputs))


OWN = {"Block": Block, "RawBlock": RawBlock, "Network": Network}


def encoder():
    inputs = keras.Input((8, 8, 4))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.ReLU()(x), name="encoder")


def test_nested_models_are_folded_across_their_border():
    inputs = keras.Input((8, 8, 4))
    x = layers.BatchNormalization()(inputs)
    model = keras.Model(inputs, layers.BatchNormalization()(layers.Conv2D(3, 1)(encoder()(x))))
    assert statuses(folded(model)) == ["folded"] * 3


def test_a_nested_model_called_twice_keeps_shared_weights():
    left, right = keras.Input((8, 8, 4)), keras.Input((8, 8, 4))
    twin = encoder()
    model = keras.Model([left, right], layers.Subtract()([twin(left), twin(right)]))
    result = folded(model)
    assert statuses(result) == ["folded"] * 2
    assert len([x for x in result.model.layers if isinstance(x, layers.Conv2D)]) == 1


def test_two_nested_models_with_the_same_layer_names():
    inputs = keras.Input((8, 8, 4))
    first = keras.Sequential([inputs, layers.Conv2D(4, 1, name="conv")], name="first")
    second = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.Conv2D(4, 1, name="conv"), layers.BatchNormalization()],
        name="second",
    )
    assert statuses(folded(keras.Model(inputs, second(first(inputs))))) == ["folded"]


def test_a_nested_model_called_with_training_true_stays():
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, encoder()(inputs, training=True))
    assert codes(folded(model)) == ["training_true"]


def test_a_composite_layer_is_expanded():
    inputs = keras.Input((8, 8, 4))
    with keras.utils.custom_object_scope(OWN):
        model = keras.Model(inputs, Block(4)(inputs))
        nodes = [len(x._inbound_nodes) for x in model._flatten_layers()]
        result = folded(model)
    assert statuses(result) == ["folded"]
    assert nodes == [len(x._inbound_nodes) for x in model._flatten_layers()]


def test_raw_tensorflow_stays_one_opaque_call_with_its_reason():
    inputs = keras.Input((8, 8, 4))
    with keras.utils.custom_object_scope(OWN):
        model = keras.Model(inputs, layers.Conv2D(2, 1)(RawBlock(4, name="raw")(inputs)))
        result = folded(model)
    (record,) = result.report
    assert (record.status, record.code) == ("kept", "inside_custom_layer")
    assert "'raw'" in record.reason and "traced" in record.reason


def test_a_subclassed_model():
    with keras.utils.custom_object_scope(OWN):
        model = Network()
        data = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
        model(data)
        result = folded(model, data)
    assert statuses(result) == ["folded"]


def test_time_distributed_batch_norm():
    inputs = keras.Input((5, 6))
    x = layers.TimeDistributed(layers.BatchNormalization())(layers.Dense(4)(inputs))
    result = folded(keras.Model(inputs, x))
    assert statuses(result) == ["folded"]
    assert not batch_norms(result.model)
