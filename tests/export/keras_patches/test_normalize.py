"""Norms of zero: what is finite in Keras is finite in TFLite."""

import keras
from keras import layers, ops

from export import to_tflite
from export.verification.make_reference import make_reference


def test_norms_of_zero(tmp_path):
    x = keras.Input((4, 6), name="x")
    outputs = [layers.UnitNormalization()(x), layers.UnitNormalization(axis=(1, 2))(x)]
    outputs += [ops.normalize(x), ops.normalize(x, axis=1, order=1), ops.normalize(x, epsilon=0.1)]
    model = keras.Model(x, outputs)
    to_tflite(model, tmp_path / "model.tflite", reference=make_reference(model))
