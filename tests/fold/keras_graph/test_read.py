"""Nested models, composite layers and subclassed models become one flat graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from sample_models.batch_norms import batch_norms
from tests.fold.checking import codes, folded, statuses
from tests.fold.foreign_layers import BatchInside, FixedLength, OwnWeights


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


class Tagger(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.embedding = layers.Embedding(9, 4, mask_zero=True)
        self.norm = layers.BatchNormalization()
        self.rnn = layers.LSTM(3)

    def call(self, tokens):
        return self.rnn(self.norm(self.embedding(tokens)))


class Dense(layers.Layer):
    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.units = units
        self.dense = layers.Dense(units)
        self.norm = layers.BatchNormalization()

    def call(self, inputs):
        return self.norm(self.dense(inputs))

    def get_config(self):
        return super().get_config() | {"units": self.units}


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


def test_a_layer_that_reads_the_batch_size_is_expanded():
    inputs = keras.Input((6, 4))
    result = folded(keras.Model(inputs, layers.Dense(2)(BatchInside(4)(inputs))))
    assert statuses(result) == ["folded"]


def test_a_layer_with_weights_of_its_own_is_expanded_around_them():
    inputs = keras.Input((6, 4))
    result = folded(keras.Model(inputs, layers.Dense(2)(OwnWeights(4)(inputs))))
    assert statuses(result) == ["folded"]


def test_a_trace_that_computes_something_else_is_not_believed():
    inputs = keras.Input((6, 4))
    (record,) = folded(keras.Model(inputs, layers.Dense(2)(FixedLength()(inputs)))).report
    assert record.code == "inside_custom_layer" and "trace differs" in record.reason


TOKENS = np.array([[1, 2, 3, 4, 0], [5, 8, 0, 0, 0], [7, 1, 1, 2, 6]], "int32")


def test_time_distributed_batch_norm_of_masked_steps():
    inputs = keras.Input((5, 3))
    x = layers.Dense(4)(layers.Masking(-1.0)(inputs))
    norm = layers.TimeDistributed(layers.BatchNormalization())
    outputs = layers.Dense(2)(norm(x))
    folded(keras.Model(inputs, outputs))


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("between", ["relu", "sigmoid"])
def test_a_time_distributed_batch_norm_that_is_called_twice(axis, between):
    inputs = keras.Input((4, 4))
    norm = layers.TimeDistributed(layers.BatchNormalization(axis=axis))
    outputs = layers.Dense(2)(norm(layers.Activation(between)(norm(inputs))))
    folded(keras.Model(inputs, outputs))


def test_a_subclassed_model_of_tokens_keeps_integer_inputs():
    model = Tagger()
    model(TOKENS)
    result = folded(model, TOKENS)
    assert statuses(result) == ["folded"]
    assert result.model.inputs[0].dtype == "int32"


def test_a_subclassed_model_takes_the_inputs_of_its_symbolic_call():
    model = Tagger()
    model(keras.Input((5,), dtype="int64"))
    result = folded(model, TOKENS.astype("int64"))
    assert result.model.inputs[0].dtype == "int64"


def test_a_composite_layer_that_no_mask_reaches_is_expanded_in_a_model_with_masks():
    tokens, numbers = keras.Input((5,), dtype="int32"), keras.Input((6,))
    read = layers.LSTM(3)(layers.Embedding(9, 4, mask_zero=True)(tokens))
    model = keras.Model([tokens, numbers], layers.Concatenate()([read, Dense(4)(numbers)]))
    data = [TOKENS, np.random.default_rng(0).normal(size=(3, 6)).astype("float32")]
    assert statuses(folded(model, data)) == ["folded"]


def test_a_composite_layer_that_a_mask_reaches_stays_with_that_reason():
    tokens = keras.Input((5,), dtype="int32")
    x = Dense(4)(layers.Embedding(9, 4, mask_zero=True)(tokens))
    result = folded(keras.Model(tokens, layers.LSTM(3)(x)), TOKENS)
    (record,) = result.report
    assert record.code == "inside_custom_layer"
    assert "mask" in record.reason


def test_an_output_given_twice_whose_last_layer_goes():
    inputs = keras.Input((4,))
    x = layers.BatchNormalization(name="last")(layers.Dense(3)(inputs))
    result = folded(keras.Model(inputs, [x, x]))
    assert statuses(result) == ["folded"]
    assert result.model.output_names == ["last", "last"]


def test_two_outputs_of_one_shared_layer_that_goes():
    left, right = keras.Input((4,)), keras.Input((4,))
    dense, norm = layers.Dense(3), layers.BatchNormalization(name="last")
    result = folded(keras.Model([left, right], [norm(dense(left)), norm(dense(right))]))
    assert statuses(result) == ["folded"] * 2
    assert result.model.output_names == ["last", "last"]


def test_a_composite_layer_between_other_layers_is_expanded():
    inputs = keras.Input((6,))
    x = layers.BatchNormalization()(Dense(4)(layers.BatchNormalization()(inputs)))
    assert statuses(folded(keras.Model(inputs, layers.ReLU()(x)))) == ["folded"] * 3
