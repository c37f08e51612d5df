"""A product of matrices times one number per column, plus a bias."""

import keras
import pytest
from keras import layers

from export import to_onnx
from sample_models.batch_norms import randomise
from tests.export.oracle import assert_computes


@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize("axis", [1, -1])
def test_a_batch_norm_behind_a_product_of_matrices(units, axis, tmp_path):
    entry = keras.Input((4,))
    product = layers.Dense(units, use_bias=False)(entry)
    model = randomise(keras.Model(entry, layers.BatchNormalization(axis=axis)(product)))
    to_onnx(model, tmp_path / "model.onnx", batch=2)
    assert_computes(model, tmp_path / "model.onnx", 2)
