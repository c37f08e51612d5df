"""Rounded coordinates of a bilinear resize are noise; coordinates that are off are not."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export import to_onnx, to_tflite
from export.keras_patches import moved_coordinates
from export.keras_patches.moved_coordinates import _resized
from export.verification.comparison import compare
from export.verification.make_reference import make_reference

SIZES = (21, 31, 33, 48, 57, 75, 100, 129)


class Enlarged(layers.Layer):
    def call(self, x):
        return ops.image.resize(x, (2 * x.shape[1] + 1, 37))


def pyramid():
    x = keras.Input((64, 50, 2), name="x")
    sizes = [layers.Resizing(size, SIZES[-at])(x) for at, size in enumerate(SIZES)]
    aspects = [
        layers.Resizing(30, 41, crop_to_aspect_ratio=True)(x),
        layers.Resizing(33, 75, pad_to_aspect_ratio=True)(x),
    ]
    return keras.Model(x, [*sizes, *aspects, Enlarged()(x)])


@pytest.mark.parametrize("write", [to_onnx, to_tflite])
def test_every_size_passes(write, tmp_path):
    model = pyramid()
    suffix = write.__name__.removeprefix("to_")
    assert write(model, tmp_path / f"model.{suffix}", reference=make_reference(model))


@pytest.mark.parametrize(("steps", "right"), [(0, True), (1, True), (-2, True), (30, False)])
def test_the_allowance_is_a_few_units(steps, right):
    x = keras.Input((40, 40, 1), name="x")
    reference = make_reference(keras.Model(x, layers.Resizing(75, 75, name="y")(x)))
    case = reference.cases[1]
    result = np.asarray(_resized(case.inputs["x"], 75, 75, steps), "float32")
    judged = compare(case.truth, {"y": result}, original=case.original, moved=case.moved)
    assert bool(judged) == right


def test_it_is_a_small_move_and_only_for_what_is_resized():
    x = keras.Input((8, 8, 1), name="x")
    plain = make_reference(keras.Model(x, layers.Conv2D(2, 3)(x)))
    assert all(not case.moved for case in plain.cases)
    resized = make_reference(keras.Model(x, layers.UpSampling2D(interpolation="bilinear")(x)))
    for case in resized.cases:
        (truth,), (moved,) = case.truth.values(), case.moved.values()
        assert 0 < np.abs(truth - moved).max() < 1e-4 * np.abs(truth).max()
    assert moved_coordinates._weights(5, 9, 0).sum(1) == pytest.approx(np.ones(9))
