"""Sizes left open are tried where files were seen to be wrong although powers of two were right."""

import keras
import numpy as np
import pytest
from keras import layers

from export.base.errors import InputError
from export.keras_model.open_sizes import open_sizes, size_in


def model(*stack, shape=(None, None, 3)):
    return keras.Sequential([keras.Input(shape), *stack])


def test_a_multiple_of_every_stride_is_tried():
    sizes = open_sizes(model(layers.MaxPooling2D(2, strides=11, padding="same")))
    assert sizes[:2] == (32, 64)
    assert {0, 1, 10} <= {size % 11 for size in sizes}


def test_a_resize_is_tried_where_its_coordinates_round():
    sizes = open_sizes(model(layers.Resizing(7, 7, interpolation="nearest")))
    assert {62, 124} & set(sizes)


def test_only_what_runs_is_tried():
    shrink = [layers.Conv2D(2, 3, strides=2, padding="same") for _ in range(3)]
    grow = [layers.UpSampling2D() for _ in range(3)]
    entry = keras.Input((None, None, 2))
    x = entry
    for layer in (*shrink, *grow):
        x = layer(x)
    sizes = open_sizes(keras.Model(entry, layers.Add()([x, entry])))
    assert len(sizes) > 3 and not any(size % 8 for size in sizes)


def test_what_is_fixed_has_one_size():
    assert len(open_sizes(model(layers.Dense(2), shape=(4,)))) == 1


def test_none_that_runs_is_one_line():
    with pytest.raises(InputError, match="runs at none of the sizes"):
        open_sizes(model(layers.Conv2D(1, 300)))


def test_the_size_of_inputs_is_that_of_what_is_open():
    image = np.zeros((2, 40, 40, 3))
    assert size_in(model(layers.ReLU()), {"x": image}) == 40
    assert size_in(model(layers.ReLU(), shape=(7, None, 3)), {"x": image[:, :7]}) == 40
    both = keras.Model([a := keras.Input((4,)), b := keras.Input((None, 3))], [a, b])
    assert size_in(both, {"a": np.zeros((2, 4)), "b": np.zeros((2, 9, 3))}) == 9
