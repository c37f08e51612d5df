import keras
import numpy as np
import pytest

from export.base.errors import InputError
from export.keras_model.random_inputs import draw, index_limits, ranges_for


def embedding_net(dtype="float32"):
    x = keras.Input((6,), dtype=dtype, name="tokens")
    return keras.Model(x, keras.layers.Embedding(11, 4)(x))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_indices_stay_within_the_embedding(dtype):
    model = embedding_net(dtype)
    assert index_limits(model) == {"tokens": 11}
    tokens = draw(model, ranges_for(model), seed=0)["tokens"]
    assert tokens.dtype == dtype
    assert tokens.min() == 0
    assert tokens.max() == 10


def test_an_embedding_inside_a_nested_model_counts():
    x = keras.Input((6,), name="outer")
    assert index_limits(keras.Model(x, embedding_net()(x))) == {"outer": 11}


def test_bytes_are_tried_where_the_model_scales_its_input():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Rescaling(1 / 255)])
    assert "bytes" in ranges_for(model)
    (values,) = draw(model, ("bytes",), seed=0).values()
    assert values.max() > 200
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert "bytes" not in ranges_for(plain)


def test_a_seed_gives_the_same_and_another_seed_others():
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    first, again, other = (draw(model, ("normal",), seed)["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first, first.astype(np.float16))


def test_strings_are_refused():
    model = keras.Model(x := keras.Input((1,), dtype="string", name="words"), x)
    with pytest.raises(InputError, match=r"'words' holds strings.*export the part"):
        draw(model, ("normal",), seed=0)
