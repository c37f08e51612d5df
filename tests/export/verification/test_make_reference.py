import keras
import numpy as np
import pytest
import tensorflow as tf

from export.verification.make_reference import make_reference
from export.verification.reference import Reference
from sample_models.batch_norms import randomise


def conv_net():
    x = keras.Input((8, 8, 2), name="image")
    y = keras.layers.Conv2D(3, 3)(x)
    y = keras.layers.BatchNormalization()(y)
    return randomise(keras.Model(x, keras.layers.Dense(4, name="y")(y)))


def test_the_reference_is_float64_and_the_original_close_to_it():
    reference = make_reference(conv_net())
    assert {len(case.labels) for case in reference.cases} == {1, 5}
    for case in reference.cases:
        assert case.truth["y"].dtype == np.float64
        assert case.original["y"].dtype == np.float32
        error = np.abs(case.truth["y"] - case.original["y"]).max()
        assert 0 < error < 1e-3


def test_float64_agrees_with_numpy():
    model = keras.Sequential([keras.Input((5,), name="x"), keras.layers.Dense(3, name="y")])
    kernel, bias = model.get_weights()
    case = make_reference(model).cases[1]
    expected = case.inputs["x"].astype(np.float64) @ kernel.astype(np.float64) + bias
    np.testing.assert_allclose(case.truth["y"], expected, rtol=1e-14, atol=1e-14)


def test_the_model_itself_is_left_alone():
    model = conv_net()
    before = [weight.copy() for weight in model.get_weights()]
    make_reference(model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.dtype == "float32"


class Centered(keras.layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


def test_batches_are_not_cut_when_examples_depend_on_each_other():
    assert make_reference(conv_net()).independent
    x = keras.Input((4,), name="x")
    reference = make_reference(keras.Model(x, Centered()(x)), batch=3)
    assert not reference.independent
    assert [len(case.labels) for case in reference.at_batch(3)] == [3]


def test_mixed_precision_models_are_judged_in_float32():
    model = keras.Sequential(
        [keras.Input((4,), name="x"), keras.layers.Dense(2, dtype="mixed_float16", name="y")]
    )
    case = make_reference(model).cases[0]
    assert case.original["y"].dtype == np.float32
    assert np.abs(case.truth["y"] - case.original["y"]).max() < 1e-5


def test_a_range_beyond_float32_is_left_out_with_a_warning():
    x = keras.Input((64,), name="x")
    reference = make_reference(keras.Model(x, keras.layers.Activation("exponential")(x)))
    assert "large" in reference.warnings[0]
    assert "large" not in reference.cases[1].labels
    assert len(reference.cases[1].labels) == 4


def test_cut_to_a_fixed_batch_every_example_is_there():
    reference = make_reference(conv_net())
    whole, pieces = reference.at_batch(None), reference.at_batch(2)
    assert [len(case.labels) for case in pieces] == [2, 2, 2, 2]
    np.testing.assert_array_equal(whole[1].truth["y"][4], pieces[3].truth["y"][0])


def test_typical_examples_are_the_users_or_the_calm_ones():
    model = conv_net()
    labels = {label for case in make_reference(model).typical().cases for label in case.labels}
    assert labels == {"normal", "unit", "zeros", "ones"}
    (case,) = make_reference(model, np.ones((3, 8, 8, 2))).typical().cases
    assert case.labels == ("given",) * 3


def test_saved_and_loaded_it_is_the_same_and_so_are_the_bytes(tmp_path):
    reference = make_reference(conv_net())
    paths = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for path in paths:
        reference.save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded = Reference.load(paths[0])
    assert loaded.independent
    for old, new in zip(reference.cases, loaded.cases, strict=True):
        assert old.labels == new.labels
        np.testing.assert_array_equal(old.truth["y"], new.truth["y"])
        np.testing.assert_array_equal(old.inputs["image"], new.inputs["image"])


@pytest.mark.parametrize("shape", [(None, None, 3), (None, 4)])
def test_open_dimensions_get_sizes_that_run(shape):
    x = keras.Input(shape, name="x")
    layer = keras.layers.Conv2D if len(shape) == 3 else keras.layers.Conv1D
    y = layer(2, 5, strides=2)(x)
    cases = make_reference(keras.Model(x, y)).cases
    sizes = [case.inputs["x"].shape[1] for case in cases]
    assert sizes[:3] == [32, 32, 64]
    for divisor in (2, 3, 5, 7):
        assert {0, 1, divisor - 1} <= {size % divisor for size in sizes}


class Single(keras.layers.Layer):
    def call(self, x):
        return tf.nn.max_pool3d(x, 2, 2, "VALID")


def test_without_float64_float32_takes_its_place_with_a_warning():
    entry = keras.Input((4, 4, 4, 2))
    reference = make_reference(keras.Model(entry, Single()(entry)))
    assert len(reference.warnings) == 1
    message = "no float64 reference, float32 takes its place: "
    assert reference.warnings[0].startswith(message) and "\n" not in reference.warnings[0]


def test_volumes_are_pooled_in_float64():
    entry = keras.Input((4, 5, 6, 2))
    reference = make_reference(keras.Model(entry, keras.layers.MaxPooling3D((2, 1, 3))(entry)))
    (truth,) = reference.cases[0].truth.values()
    (x,) = reference.cases[0].inputs.values()
    assert truth.dtype == np.float64 and not reference.warnings
    np.testing.assert_array_equal(truth, x.reshape(1, 2, 2, 5, 2, 3, 2).max((2, 5)))


def test_channels_first_run_in_float64():
    entry = keras.Input((3, 8, 8))
    convolution = keras.layers.Conv2D(4, 3, data_format="channels_first")
    reference = make_reference(keras.Model(entry, convolution(entry)))
    case = reference.cases[0]
    kernel, bias = (weight.numpy().astype(np.float64) for weight in convolution.weights)
    (x,), (got,) = case.inputs.values(), case.truth.values()
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (3, 3), (2, 3))
    wanted = np.einsum("bchwij,ijcf->bfhw", windows, kernel) + bias[:, None, None]
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)


class Unnamed(keras.Model):
    """With a configuration of its own, and an input that Keras numbers in each copy."""

    def __init__(self, width=3, **kwargs):
        x = keras.Input((4,))
        super().__init__(x, keras.layers.Dense(width, name="y")(x), **kwargs)
        self.width = width

    def get_config(self):
        return {"width": self.width, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


def test_inputs_go_by_their_position_not_by_names_that_keras_counts():
    reference = make_reference(Unnamed())
    assert reference.warnings == ()
    assert reference.cases[0].truth["y"].dtype == np.float64


@keras.saving.register_keras_serializable(package="tests")
class InFloat32(keras.layers.Layer):
    def call(self, x):
        return tf.matmul(x, tf.ones((4, 2)))


def test_the_reason_for_a_reference_in_float32_is_the_real_one():
    x = keras.Input((4,), name="x")
    (warning,) = make_reference(keras.Model(x, InFloat32(name="y")(x))).warnings
    assert "takes its place: Input 'b' of 'MatMul' Op has type float32" in warning
