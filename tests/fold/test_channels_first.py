"""Convolutions with the channels in front, which TensorFlow runs on a CPU only when compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fold import fold_batch_norms
from sample_models.batch_norms import example_inputs, randomise
from tests.fold.checking import statuses

LENGTHS = (9, 11, 7)
"""No length may be the number of filters: TensorFlow then adds a bias along the wrong axis."""
FIRST = {"data_format": "channels_first"}
CONVOLUTIONS = {
    "Conv1D": lambda: layers.Conv1D(6, 3, use_bias=False, **FIRST),
    "Conv2D": lambda: layers.Conv2D(6, 3, strides=2, **FIRST),
    "Conv2D in groups": lambda: layers.Conv2D(6, 3, groups=2, **FIRST),
    "Conv3D": lambda: layers.Conv3D(6, 3, **FIRST),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(6, 1, use_bias=False, **FIRST),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, **FIRST),
    "SeparableConv2D": lambda: layers.SeparableConv2D(6, 3, **FIRST),
}


@pytest.mark.parametrize("make", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_both_sides_of_a_convolution(make):
    layer = make()
    rank = len(layer.kernel_size)
    inputs = keras.Input((4, *LENGTHS[:rank]))
    x = layer(layers.BatchNormalization(axis=1)(inputs))
    model = keras.Model(inputs, layers.ReLU()(layers.BatchNormalization(axis=1)(x)))
    randomise(model)
    result = fold_batch_norms(model)
    assert statuses(result) == ["folded", "folded"]
    data = example_inputs(model)
    wanted, got = (
        np.asarray(tf.function(m, jit_compile=True)(data)) for m in (model, result.model)
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
