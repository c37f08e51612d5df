"""Where only the batch is free the file computes no shapes, and is right at every batch."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export import to_onnx
from export.formats import open_artifact
from export.keras_model.run import run_model

IMAGE, LINE = (4, 4, 8), (12, 8)
ARITHMETIC = {"Shape", "Gather", "ReduceProd", "Concat", "Range", "ConstantOfShape"}


class Patches(layers.Layer):
    def call(self, x):
        batch, rows, columns, channels = ops.shape(x)
        x = ops.reshape(x, (batch, rows // 2, 2, columns // 2, 2, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (batch, -1, 4 * channels))


class Regrouped(layers.Layer):
    """The batch enters products and quotients."""

    def call(self, x):
        batch = ops.shape(x)[0]
        x = ops.reshape(x, (batch * 4, 4 * 8))
        return ops.reshape(x, (batch // 1, 2, 2, -1))


class Tokens(layers.Layer):
    """The same for each example, joined to both ends of it."""

    def build(self, shape):
        self.first = self.add_weight(shape=(1, 2, 8), initializer="normal")
        self.last = self.add_weight(shape=(1, 1, 8), initializer="normal")

    def call(self, x):
        batch = ops.shape(x)[0]
        first = ops.broadcast_to(self.first, (batch, 2, 8))
        return ops.concatenate([first, x, ops.tile(self.last, (batch, 1, 1))], 1)


def masked_attention(x):
    x = layers.Masking()(x)
    return layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)


MODELS = {
    "attention": (LINE, lambda x: layers.MultiHeadAttention(2, 4)(x, x)),
    "causal attention": (
        LINE,
        lambda x: layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True),
    ),
    "masked attention": (LINE, masked_attention),
    "tokens": (LINE, lambda x: Tokens()(x)),
    "attention of planes": (IMAGE, lambda x: layers.MultiHeadAttention(2, 3)(x, x)),
    "grouped attention": (LINE, lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x)),
    "dense": (IMAGE, layers.Dense(3)),
    "einsum": (IMAGE, lambda x: ops.einsum("bijc,bijd->bcd", x, x)),
    "tensordot": (IMAGE, lambda x: ops.tensordot(x, ops.ones((8, 4)), 1)),
    "group norm": (IMAGE, lambda x: layers.GroupNormalization(2)(x)),
    "over time": (LINE, lambda x: layers.TimeDistributed(layers.Dense(4))(x)),
    "patches": (IMAGE, lambda x: Patches()(x)),
    "regrouped": (IMAGE, lambda x: Regrouped()(x)),
    "repeated": (IMAGE, lambda x: ops.repeat(x, 3, 1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_arithmetic_and_right_at_every_batch(name, tmp_path):
    shape, build = MODELS[name]
    x = keras.Input(shape, name="x")
    model = keras.Model(x, build(x))
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert not artifact.operators.keys() & ARITHMETIC
    runtime = open_artifact(artifact.path)
    for batch in (1, 2, 5):
        feeds = {"x": np.random.default_rng(batch).normal(size=(batch, *shape)).astype("float32")}
        (made,), (wanted,) = runtime(feeds).values(), run_model(model, feeds).values()
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


class AtMostFour(layers.Layer):
    """What is the same for small batches only is no constant."""

    def call(self, x):
        return x * ops.cast(ops.minimum(ops.shape(x)[0], 4), "float32")


def test_what_depends_on_the_batch_is_computed(tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model(x, AtMostFour()(x))
    artifact = to_onnx(model, tmp_path / "model.onnx")
    for batch in (1, 3, 6):
        feeds = {"x": np.ones((batch, 3), "float32")}
        (made,) = open_artifact(artifact.path)(feeds).values()
        np.testing.assert_array_equal(made, np.full((batch, 3), min(batch, 4)))


class Queries(layers.Layer):
    """Copies for each example that something else than a broadcast reads."""

    def build(self, shape):
        self.queries = self.add_weight(shape=(1, 5, 8), initializer="normal")

    def call(self, x):
        return ops.broadcast_to(self.queries, (ops.shape(x)[0], 5, 8)) * 3


def test_copies_that_are_needed_stay(tmp_path):
    x = keras.Input(LINE, name="x")
    copies = Queries()(x)
    model = keras.Model(x, [copies, ops.sum(copies, 0, keepdims=True)])
    artifact = to_onnx(model, tmp_path / "model.onnx")
    for batch in (1, 3):
        feeds = {"x": np.ones((batch, 12, 8), "float32")}
        for made, wanted in zip(
            open_artifact(artifact.path)(feeds).values(),
            run_model(model, feeds).values(),
            strict=True,
        ):
            np.testing.assert_allclose(made, wanted, rtol=1e-4)
