"""Resizing without the size of the image: against Keras, for every kernel and aspect."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from export.keras_patches.operations import replaced

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
ASPECTS = ({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 3.0})


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("aspect", ASPECTS, ids=["whole", "cropped", "padded"])
@pytest.mark.parametrize("shape", [(9, 16), (16, 9), (7, 8)])
def test_equals_keras(shape, aspect, kernel, antialias, data_format):
    last = data_format == "channels_last"
    images = np.random.default_rng(0).normal(size=(2, *shape, 3) if last else (2, 3, *shape))

    def resized(x):
        options = {"antialias": antialias, "data_format": data_format} | aspect
        return keras.ops.image.resize(x, (12, 11), kernel, **options)

    x = tf.constant(images, tf.float32)
    wanted = resized(x)
    with replaced("onnx"):
        graph = tf.function(resized, autograph=False).get_concrete_function(x)
    assert not {"Shape", "If", "StatelessIf"} & {each.type for each in graph.graph.get_operations()}
    np.testing.assert_allclose(graph(x), wanted, rtol=1e-5, atol=1e-5)
