"""Subclassed models of every kind become functional, with the inputs that they were called with."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from fold import FoldError, fold_batch_norms
from fold.keras_graph.functional import as_functional
from sample_models.batch_norms import randomise
from tests.unchanged import unchanged


class Two(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.left, self.right, self.norm = (
            layers.Dense(4),
            layers.Dense(4),
            layers.BatchNormalization(),
        )

    def call(self, a, b):
        return self.norm(self.left(a) + self.right(b))


class Tokens(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.inner = keras.Sequential([layers.Embedding(9, 4), layers.BatchNormalization()])
        self.dense = layers.Dense(3)

    def call(self, tokens):
        return {"scores": self.dense(self.inner(tokens))}


class Compiled(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.dense, self.norm = layers.Dense(4), layers.BatchNormalization()

    def build(self, shape):
        self.dense.build(shape)
        self.norm.build((*shape[:-1], 4))

    @tf.function
    def call(self, x):
        return self.norm(self.dense(x))


class Named(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.dense, self.norm = layers.Dense(4), layers.BatchNormalization()

    def call(self, given):
        return self.norm(self.dense(ops.concatenate([given["a"], given["b"]], -1)))


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def folds(model, data, *arguments, **settings):
    """Every batch norm goes, the results are the same and the model is as it was."""
    randomise(model)
    wanted = model(*arguments, training=False)
    with unchanged(model):
        result = fold_batch_norms(model, **settings)
    assert [record.status for record in result.report] == ["folded"]
    got = result.model(data, training=False)
    keras.tree.assert_same_structure(wanted, got)
    for a, b in zip(keras.tree.flatten(wanted), keras.tree.flatten(got), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert result.model.output_names == as_functional(model, **settings).output_names
    return result.model


def test_tokens_are_integers_also_where_they_are_read_deep_inside():
    model = Tokens()
    tokens = np.array([[1, 2, 3]], "int32")
    model(tokens)
    new = folds(model, tokens, tokens)
    assert new.inputs[0].dtype == as_functional(model).inputs[0].dtype == "int32"


def test_a_call_of_several_arguments_takes_a_list():
    model = Two()
    a, b = numbers(2, 3), numbers(2, 5)
    model(a, b)
    spec = [
        keras.InputSpec("float32", shape=(None, 3)),
        keras.InputSpec("float32", shape=(None, 5)),
    ]
    new = folds(model, [a, b], a, b, input_signature=spec)
    assert [t.name for t in new.inputs] == ["a", "b"]


def test_inputs_that_can_not_be_known_are_asked_for():
    model = Two()
    model(numbers(2, 3), numbers(2, 5))
    with pytest.raises(FoldError, match=r"input_signature.*a, b"):
        as_functional(model)


def test_a_symbolic_call_of_several_arguments_tells_its_inputs():
    model = Two()
    model(keras.Input((3,)), keras.Input((5,)))
    folds(model, [numbers(2, 3), numbers(2, 5)], numbers(2, 3), numbers(2, 5))


def test_a_call_that_is_a_tf_function():
    model = Compiled()
    x = numbers(2, 3)
    model(x)
    folds(model, x, x)


def test_a_dictionary_keeps_its_keys():
    model = Named()
    data = {"a": numbers(2, 3), "b": numbers(2, 2)}
    model(data)
    assert [t.name for t in folds(model, data, data).inputs] == ["a", "b"]


def test_a_model_that_was_never_built_is_refused():
    with pytest.raises(FoldError, match="never built"):
        as_functional(Named())
