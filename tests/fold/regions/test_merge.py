"""Parallel linear branches: as many convolutions as the authors' own deploy form."""

import itertools

import keras
import pytest
from keras import layers

from tests.fold.checking import folded, layer_types, statuses


def block(x, filters, kind="conv", size=3, strides=1, padding="same", copies=1, around=True):
    """The training form of RepVGG (one copy) and MobileOne (several)."""

    def branch(size):
        y = x
        if padding == "explicit" and size > 1:
            y = layers.ZeroPadding2D(size // 2)(y)
        mode = "valid" if padding == "explicit" else padding
        settings = {"strides": strides, "padding": mode, "use_bias": False}
        if kind == "deep":
            return layers.DepthwiseConv2D(size, **settings)(y)
        return layers.Conv2D(filters, size, groups=2 if kind == "group" else 1, **settings)(y)

    sums = [layers.BatchNormalization()(branch(s)) for s in (*[size] * copies, 1)]
    if around and strides == 1:
        sums.append(layers.BatchNormalization()(x))
    return layers.ReLU()(layers.Add()(sums))


@pytest.mark.parametrize(
    ("kind", "strides", "padding", "copies"),
    [*itertools.product(["conv", "group", "deep"], [1, 2], ["same", "explicit"], [1, 3])],
)
@pytest.mark.parametrize("length", [8, 9])
def test_a_block_becomes_one_convolution(kind, strides, padding, copies, length):
    inputs = keras.Input((length, length + 1, 4))
    outputs = block(inputs, 4, kind, 3, strides, padding, copies)
    result = folded(keras.Model(inputs, outputs))
    assert set(statuses(result)) == {"folded"}
    assert sum("Conv" in name for name in layer_types(result.model)) == 1
    assert "Add" not in layer_types(result.model)


def test_a_network_of_blocks():
    inputs = keras.Input((16, 16, 3))
    x = block(inputs, 8, strides=2)
    for kind, strides in (("conv", 1), ("conv", 2), ("deep", 1)):
        x = block(x, 8, kind, strides=strides)
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    result = folded(keras.Model(inputs, outputs))
    assert sum("Conv" in name for name in layer_types(result.model)) == 4


def test_strides_with_unknown_size_and_same_padding_are_refused():
    inputs = keras.Input((None, None, 4))
    result = folded(keras.Model(inputs, block(inputs, 4, strides=2)))
    assert layer_types(result.model).count("Conv2D") == 2


def test_branches_of_different_kinds_stay():
    inputs = keras.Input((8, 8, 4))
    sums = [layers.Conv2D(4, 3, padding="same")(inputs)]
    sums.append(layers.DepthwiseConv2D(3, padding="same")(inputs))
    sums = [layers.BatchNormalization()(x) for x in sums]
    result = folded(keras.Model(inputs, layers.Add()(sums)))
    assert "Add" in layer_types(result.model)
    assert set(statuses(result)) == {"folded"}


def test_merging_can_be_switched_off():
    inputs = keras.Input((8, 8, 4))
    result = folded(keras.Model(inputs, block(inputs, 4, around=False)), merge_branches=False)
    assert layer_types(result.model).count("Conv2D") == 2


def test_one_dimension_and_causal_padding():
    inputs = keras.Input((9, 4))
    sums = [layers.Conv1D(4, k, padding="causal", dilation_rate=2)(inputs) for k in (3, 5)]
    model = keras.Model(inputs, layers.Add()([*sums, layers.BatchNormalization()(inputs)]))
    result = folded(model)
    assert layer_types(result.model).count("Conv1D") == 1


def test_taps_off_the_dilation_grid_are_not_merged():
    inputs = keras.Input((12, 4))
    wide = layers.Conv1D(4, 3, dilation_rate=2, padding="same")(inputs)
    shifted = layers.ZeroPadding1D((1, 3))(inputs)
    shifted = layers.Conv1D(4, 3, dilation_rate=2)(shifted)
    outputs = layers.BatchNormalization()(layers.Add()([wide, shifted]))
    result = folded(keras.Model(inputs, outputs))
    assert layer_types(result.model).count("Conv1D") == 2
