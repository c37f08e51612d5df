"""Transposed convolutions of free sizes, with every stride, padding and rate, in ONNX Runtime."""

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.backend.tensorflow import nn

from export import to_onnx
from export.formats import open_artifact
from export.keras_model.run import run_model
from export.keras_patches.operations import replaced

SIZES = (3, 4, 7)
"""Where a length is the number of channels, Keras may add a bias along it."""


def branches(rank, data_format):
    """Layers whose biases are not zero; an output padding must be smaller than the stride."""
    kind = getattr(layers, f"Conv{rank}DTranspose")
    lengths, strides = ((1, 2, 3, 5), (1, 2, 3, 4)) if rank < 3 else ((1, 3), (2,))
    for kernel, stride, padding in product(lengths, strides, ("valid", "same")):
        rests = [None, stride - 1] if stride > 1 and kernel % 2 == 1 else [None]
        for rest in rests:
            yield kind(
                2,
                kernel,
                stride,
                padding,
                output_padding=rest,
                data_format=data_format,
                bias_initializer="normal",
            )
    if rank == 2:
        yield kind(2, (1, 4), (3, 2), "same", data_format=data_format, bias_initializer="normal")


def model(rank, data_format):
    first = data_format == "channels_first"
    size = (None,) * rank
    x = keras.Input((3, *size) if first else (*size, 3), name="x")
    return keras.Model(x, [layer(x) for layer in branches(rank, data_format)])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_right_at_every_size(rank, data_format, tmp_path):
    whole = model(rank, data_format)
    artifact = to_onnx(whole, tmp_path / "model.onnx")
    assert artifact.operators.keys() <= {"ConvTranspose", "Transpose"}
    runtime = open_artifact(artifact.path)
    for size in SIZES:
        shape = [size if n is None else n for n in whole.inputs[0].shape[1:]]
        values = np.random.default_rng(size).normal(size=(2, *shape)).astype("float32")
        feeds = {"x": values}
        made = runtime(feeds)
        for name, wanted in run_model(whole, feeds).items():
            np.testing.assert_allclose(made[name], wanted, rtol=1e-4, atol=1e-5)


def traced(**given):
    """What the operator is told, and the shape of its result."""

    def convolve(x):
        with replaced("onnx"):
            return nn.conv_transpose(x, np.ones((3, 3, 5, 4), "float32"), **given)

    spec = tf.TensorSpec((None, 8, None, 4))
    concrete = tf.function(convolve, autograph=False).get_concrete_function(spec)
    (node,) = (each for each in concrete.graph.get_operations() if each.type == "XlaCallModule")
    return node.get_attr("module"), concrete.outputs[0].shape.as_list()


@pytest.mark.parametrize("form", [list, np.array, lambda each: each[0]])
def test_arguments_in_every_form(form):
    given = {"strides": (3, 3), "output_padding": (2, 2), "padding": "same"}
    attributes, shape = traced(**given)
    assert shape == [None, 24, None, 5]
    for name in ("strides", "output_padding"):
        assert traced(**given | {name: form(given[name])}) == (attributes, shape)
    assert traced(strides=(3, 3)) == traced(strides=3, output_padding=None, dilation_rate=[1, 1])
