"""A small file that declares huge inputs, or makes huge tensors of small ones, takes no memory."""

import keras
import numpy as np
import pytest

from export.base.errors import InputError
from export.keras_model import memory_need
from export.keras_model.memory_need import refuse_large_run
from export.keras_model.random_inputs import draw
from export.verification.make_reference import make_reference


def pooled(*shape):
    x = keras.Input(shape, name="x")
    return keras.Model(x, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("shape", [(20000, 20000, 3), (None, 1 << 30, 1)])
def test_huge_inputs_are_refused_before_they_are_drawn(shape):
    with pytest.raises(InputError):
        make_reference(pooled(*shape))
    with pytest.raises(InputError, match=r"take .* GiB; declare smaller ones"):
        draw(pooled(*shape), ("normal",), 0)


def repeated():
    x = keras.Input((8,), name="x")
    return keras.Model(x, keras.layers.GlobalMaxPooling1D()(keras.layers.RepeatVector(1 << 36)(x)))


def nested():
    x = keras.Input((8,), name="x")
    return keras.Model(x, repeated()(x))


def attending():
    x = keras.Input((1 << 20, 2), name="x")
    y = keras.layers.MultiHeadAttention(4, 1)(x, x)
    return keras.Model(x, keras.layers.GlobalMaxPooling1D()(y))


@pytest.mark.parametrize("build", [repeated, nested, attending])
def test_huge_tensors_within_are_refused(build):
    with pytest.raises(InputError, match="GiB of memory"):
        make_reference(build())


def test_what_every_layer_gives_is_counted(monkeypatch):
    x = keras.Input((None, 4), name="x")
    y = keras.layers.Dense(8)(x)
    model = keras.Model(x, keras.layers.Dense(2)(y))
    feeds = {"x": np.zeros((3, 10, 4), np.float32)}
    need = 4 * 3 * 10 * (4 + 8 + 2)
    monkeypatch.setattr(memory_need, "usable", lambda: float(need))
    refuse_large_run(model, feeds)
    monkeypatch.setattr(memory_need, "usable", lambda: need - 1.0)
    with pytest.raises(InputError, match="on 3 example"):
        refuse_large_run(model, feeds)
