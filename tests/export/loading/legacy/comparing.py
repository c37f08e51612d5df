"""Saves a model of Keras 2 in an old format, loads it here, and compares what both compute."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tf_keras

from export.loading.custom_objects import Custom
from export.loading.legacy.convert import rebuild
from export.loading.source import Kind

FORMATS = {"h5": Kind.HDF5, "keras": Kind.OLD, "saved_model": Kind.SAVED_MODEL}
TOLERANCE = 1e-5


def save(model: tf_keras.Model, directory: Path, form: str) -> Path:
    path = directory / ("model" if form == "saved_model" else f"model.{form}")
    model.save(path, save_format="tf" if form == "saved_model" else form)
    return path


def reload(model: tf_keras.Model, directory: Path, form: str, custom: Custom = Custom()) -> Any:  # noqa: B008
    return rebuild(FORMATS[form], save(model, directory, form), custom)


def assert_same(old: tf_keras.Model, new: keras.Model, arrays: list[np.ndarray]) -> None:
    given = arrays[0] if len(arrays) == 1 else arrays
    wanted = keras.tree.flatten(old(given, training=False))
    found = keras.tree.flatten(new(given, training=False))
    assert len(found) == len(wanted)
    for one, other in zip(wanted, found, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert one.shape == other.shape
        scale = max(1.0, float(np.abs(one).max(initial=0)))
        assert np.abs(one.astype("float64") - other).max(initial=0) <= TOLERANCE * scale
