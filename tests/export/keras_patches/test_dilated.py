"""Dilated convolutions of free sizes: one operator each, right at every size, in both formats."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import layers

from export import to_onnx, to_tflite
from export.formats import open_artifact
from export.keras_model.run import run_model

PADDINGS = ("same", "valid")
AROUND = {
    "onnx": {"Conv", "Transpose", "Squeeze", "Unsqueeze", "Pad"},
    "tflite": {"CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "RESHAPE", "PAD", "TRANSPOSE"},
}


def branches(rank, data_format):
    order = {"data_format": data_format}
    kind = f"{rank}D"
    for kernel, rate, padding in product((2, 3), (2, 3), PADDINGS):
        options = {"dilation_rate": rate, "padding": padding, **order}
        yield getattr(layers, f"Conv{kind}")(2, kernel, groups=kernel - 1, **options)
        yield getattr(layers, f"DepthwiseConv{kind}")(kernel, depth_multiplier=2, **options)
        yield getattr(layers, f"SeparableConv{kind}")(3, kernel, **options)
    if rank == 2:
        yield layers.Conv2D(2, (1, 3), dilation_rate=(1, 4), padding="same", **order)
    elif data_format == "channels_last":
        yield layers.Conv1D(2, 3, dilation_rate=4, padding="causal")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("write", [to_onnx, to_tflite])
def test_one_operator_each(write, rank, data_format, tmp_path):
    size = (None,) * rank
    first = data_format == "channels_first"
    x = keras.Input((4, *size) if first else (*size, 4), name="x")
    model = keras.Model(x, [layer(x) for layer in branches(rank, data_format)])
    suffix = write.__name__.removeprefix("to_")
    artifact = write(model, tmp_path / f"model.{suffix}", batch=1)
    assert artifact.operators.keys() <= AROUND[suffix]
    runtime = open_artifact(artifact.path)
    for length in (9, 12, 13):
        shape = [length if n is None else n for n in x.shape[1:]]
        values = np.random.default_rng(length).normal(size=(1, *shape)).astype("float32")
        made = runtime({"x": values})
        for name, wanted in run_model(model, {"x": values}).items():
            np.testing.assert_allclose(made[name], wanted, rtol=1e-4, atol=1e-5)
