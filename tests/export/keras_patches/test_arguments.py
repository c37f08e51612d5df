"""Every replaced operation takes its arguments in each form in which Keras takes them.

A number may be NumPy's, a sequence a tuple, a list or an array, and what has a default may lack.
"""

import keras
import numpy as np
import pytest
from keras import ops
from keras.src.backend.tensorflow import image, nn
from keras.src.backend.tensorflow import numpy as tf_numpy
from keras.src.ops import image as patches
from keras.src.utils import tf_utils

from export.keras_patches.layers import _extract_patches
from export.keras_patches.operations import FOR, replaced

FORMS = (tuple, list, np.array, lambda each: np.array(each, np.int32))
NUMBERS = (int, np.int64, np.int32, np.array)
X2, X3 = (2, 9, 8, 4), (2, 6, 7, 8, 4)


def filled(*shape):
    return np.random.default_rng(4).normal(size=shape).astype("float32")


def weighted(kernel):
    return lambda name: lambda x, **given: getattr(nn, name)(x, filled(*kernel), **given)


def separable(name):
    pair = filled(3, 3, 4, 1), filled(1, 1, 4, 5)
    return lambda x, **given: nn.separable_conv(x, *pair, **given)


def plain(module):
    return lambda name: lambda x, **given: getattr(module, name)(x, **given)


FIRST = {"data_format": "channels_first"}
CALLS = [
    *(
        ("conv", weighted((3, 3, 4, 5)), X2, each)
        for each in (
            {},
            {"strides": (2, 1)},
            {"strides": 2, "padding": "same"},
            {"dilation_rate": (1, 2)},
            {"dilation_rate": 2, "padding": "same"},
        )
    ),
    ("conv", weighted((2, 3, 2, 4, 5)), X3, {"strides": (1, 2, 2)}),
    ("conv", weighted((2, 3, 2, 4, 5)), X3, {"padding": "same", "strides": 2}),
    ("conv_transpose", weighted((3, 3, 5, 4)), X2, {"strides": (2, 1), "padding": "same"}),
    ("conv_transpose", weighted((3, 3, 5, 4)), X2, {"strides": 3, "output_padding": 1}),
    ("conv_transpose", weighted((2, 2, 5, 4)), X2, {"strides": 3}),
    ("depthwise_conv", weighted((3, 3, 4, 2)), X2, {"strides": 2}),
    ("depthwise_conv", weighted((3, 3, 4, 2)), X2, {"dilation_rate": (2, 2), "padding": "same"}),
    ("separable_conv", separable, X2, {"strides": (2, 2)}),
    *(
        (name, plain(nn), shape, each)
        for name in ("max_pool", "average_pool")
        for shape, each in (
            (X2, {"pool_size": (2, 3)}),
            (X2, {"pool_size": 3, "strides": 2, "padding": "same"}),
            (X3, {"pool_size": (1, 2, 3), "strides": (2, 1, 1)}),
            (X3, {"pool_size": 2, "padding": "same"}),
        )
    ),
    *(
        (name, plain(tf_numpy), X2, each)
        for name in ("argmax", "argmin")
        for each in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"keepdims": True})
    ),
    *(
        ("resize", plain(image), X2, {"size": (5, 12), **each})
        for each in (
            {},
            {"interpolation": "bicubic"},
            {"antialias": True},
            {"crop_to_aspect_ratio": True},
            {"pad_to_aspect_ratio": True, "fill_value": 1.5},
        )
    ),
]  # fmt: skip
OTHERS = {
    *("add", "einsum", "flip", "softmax", "_normalize", "tf_encode_categorical_inputs"),
    *("bidirectional_lstm", "bidirectional_gru"),
}
"""Take no sizes, are there to refuse, or have a test of their own."""


def forms(value):
    kinds = FORMS if isinstance(value, tuple) else NUMBERS
    whole = isinstance(value, tuple) or (isinstance(value, int) and not isinstance(value, bool))
    return [kind(value) for kind in kinds] if whole else [value]


def variants(given):
    """Each argument in each of its forms, one at a time; the first is the plain one."""
    yield given
    for name, value in given.items():
        for form in forms(value):
            yield given | {name: form}


def compare(original, replacement, given):
    """Where Keras refuses a form, it may be refused; else both compute the same."""
    for each in variants(given):
        try:
            wanted = ops.convert_to_numpy(original(**each))
        except Exception:
            assert each is not given
            continue
        np.testing.assert_allclose(replacement(**each), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", FOR)
@pytest.mark.parametrize(("name", "maker", "shape", "given"), CALLS)
def test_replaced_operations_take_what_keras_takes(target, name, maker, shape, given):
    call, x = maker(name), filled(*shape)
    if (target, name) == ("onnx", "conv_transpose"):
        pytest.skip("becomes an operator that TensorFlow can't run; see test_transposed")

    def inside(**each):
        with replaced(target):
            return ops.convert_to_numpy(call(ops.convert_to_tensor(x), **each))

    compare(lambda **each: call(ops.convert_to_tensor(x), **each), inside, given)


@pytest.mark.parametrize(
    "given",
    [
        {"size": 3},
        {"size": (3, 2), "strides": 2},
        {"size": (2, 2), "strides": (1, 1), "padding": "same"},
        {"size": 2, "strides": (2, 1)},
        {"size": 2, "strides": 1, "dilation_rate": 2},
    ],
)
def test_patches_take_what_keras_takes(given):
    x = ops.convert_to_tensor(filled(*X2))

    def whole(**each):
        return patches._extract_patches_2d(x, **each)

    def inside(**each):
        return ops.convert_to_numpy(_extract_patches(x, **each))

    compare(whole, inside, {"dilation_rate": 1, **given})


def test_no_replacement_lacks():
    assert {name for rows in FOR.values() for _, name in rows} == {c[0] for c in CALLS} | OTHERS
    assert (tf_utils, "tf_encode_categorical_inputs") in FOR["onnx"]
    assert keras.backend.backend() == "tensorflow"
