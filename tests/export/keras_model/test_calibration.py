"""Representative inputs in every form in which users have them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from export.base.errors import InputError
from export.keras_model.calibration import ENOUGH, calibration_of
from export.keras_model.calibration_sources import LIMIT

RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(30, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    x = keras.Input((4,), name="x")
    return keras.Model(x, keras.layers.Dense(2)(x))


@pytest.fixture(scope="module")
def pair():
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    return keras.Model([a, b], keras.layers.Concatenate()([a, b]))


def values(found, name):
    """All examples in an order that does not depend on which were held out."""
    both = np.concatenate([found.examples[name], found.held_out[name]])
    return both[np.lexsort(both.T)]


SORTED = DATA[np.lexsort(DATA.T)]


def dataset():
    return tf.data.Dataset.from_tensor_slices((DATA, np.zeros(30)))


FORMS = {
    "array": lambda: DATA,
    "tensor": lambda: tf.constant(DATA),
    "keras tensor": lambda: keras.ops.convert_to_tensor(DATA),
    "nested numbers": lambda: DATA.tolist(),
    "list of examples": lambda: list(DATA),
    "list of batches": lambda: [DATA[:10], DATA[10:]],
    "list of lists of one": lambda: [[DATA[:10]], [DATA[10:]]],
    "dict": lambda: {"anything": DATA},
    "pair with targets": lambda: (DATA, np.zeros(30)),
    "triple with weights": lambda: (DATA, np.zeros((30, 2)), np.ones(30)),
    "batches with targets": lambda: iter([(DATA[:7], np.zeros(7)), (DATA[7:], np.zeros(23))]),
    "dataset of pairs": lambda: dataset().batch(8),
    "dataset of examples": dataset,
    "dataset of inputs": lambda: tf.data.Dataset.from_tensor_slices(DATA).batch(8),
    "generator of lists": lambda: ([each[None]] for each in DATA),
    "function of a generator": lambda: lambda: ([each[None]] for each in DATA),
    "function of an array": lambda: lambda: DATA,
    "generator of dicts": lambda: ({"x": each[None]} for each in DATA),
    "generator of examples": lambda: iter(DATA),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_examples(model, form):
    found = calibration_of(model, FORMS[form]())
    (name,) = found.examples
    np.testing.assert_allclose(values(found, name), SORTED, rtol=1e-6)
    assert found.examples[name].dtype == np.float32


SEVERAL = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"b": b, "a": a},
    "pair with targets": lambda a, b: ((a, b), np.zeros(30)),
    "dataset": lambda a, b: tf.data.Dataset.from_tensor_slices(((a, b), np.zeros(30))).batch(4),
    "dataset by name": lambda a, b: tf.data.Dataset.from_tensor_slices({"a": a, "b": b}).batch(4),
    "function": lambda a, b: lambda: ([x[None], y[None]] for x, y in zip(a, b, strict=True)),
    "list of batches": lambda a, b: [[a[:9], b[:9]], [a[9:], b[9:]]],
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_inputs_in_every_form(pair, form):
    other = DATA[:, :2] * 2
    found = calibration_of(pair, SEVERAL[form](DATA, other))
    np.testing.assert_allclose(values(found, "a"), SORTED, rtol=1e-6)
    np.testing.assert_allclose(found.examples["b"], found.examples["a"][:, :2] * 2, rtol=1e-6)


def test_files_and_directories(model, tmp_path):
    np.save(tmp_path / "a.npy", DATA[:20])
    np.savez(tmp_path / "b.npz", x=DATA[20:])
    found = calibration_of(model, tmp_path)
    np.testing.assert_array_equal(values(found, "x"), SORTED)


def test_no_more_than_needed_is_read(model):
    endless = (RNG.normal(size=(6, 4)) for _ in iter(int, 1))
    found = calibration_of(model, endless)
    assert len(values(found, "x")) == LIMIT


def test_a_fifth_is_held_out_and_none_is_in_both(model):
    found = calibration_of(model, DATA)
    assert len(found.held_out["x"]) == 6
    assert not {each.tobytes() for each in found.held_out["x"]} & {
        each.tobytes() for each in found.examples["x"]
    }
    assert not found.warnings


def test_few_or_equal_examples_are_warned_of_with_figures(model):
    (few,) = calibration_of(model, DATA[:3]).warnings
    assert "3 examples, 3 of them distinct" in few
    (equal,) = calibration_of(model, np.repeat(DATA[:2], 20, axis=0)).warnings
    assert "40 examples, 2 of them distinct" in equal
    assert not calibration_of(model, DATA[:ENOUGH]).warnings


def test_batches_have_the_size_of_the_file(model):
    found = calibration_of(model, DATA)
    assert [len(each["x"]) for each in found.batches(5)] == [5] * 4
    with pytest.raises(InputError, match="fewer than 25 examples"):
        found.batches(25)


BAD = {
    "nothing": (None, "needs representative inputs"),
    "shape": (np.zeros((3, 5)), "the model takes"),
    "empty list": ([], "empty"),
    "empty iterator": (iter(()), "empty"),
    "no file": ("nothing.npy", "there is no file"),
    "NaN": (np.where(DATA > 2, np.nan, DATA), "NaN or infinite"),
    "infinity": (np.where(DATA > 1, np.inf, DATA), "NaN or infinite"),
    "complex": (DATA + 1j, "complex"),
    "text": (np.array(["a", "b"]), "no numbers"),
    "zeros": (np.zeros((30, 4)), "is zero"),
    "a number": (3, "can't be read"),
}


@pytest.mark.parametrize("bad", BAD)
def test_unfit_data_is_refused_in_one_line(model, bad):
    data, reason = BAD[bad]
    with pytest.raises(InputError, match=reason) as error:
        calibration_of(model, data)
    assert "\n" not in str(error.value)
