import keras
import numpy as np
import pytest
from keras import layers

from fold import fold_batch_norms
from fold.keras_graph.at_dtype import at_dtype
from sample_models.batch_norms import randomise

SLOPE = 3.0


def doubled(x):
    return 2 * x


def gate(x):
    return x * keras.ops.sigmoid(SLOPE * x)


class Twice(layers.Layer):
    def call(self, x):
        return 2 * x


def single(layer, size=4):
    x = keras.Input((size,), name="x")
    return keras.Model(x, layer(x))


X = np.random.default_rng(0).normal(size=(3, 4))


def exact(model):
    twin = at_dtype(model, "float64")
    result = np.asarray(twin(X, training=False))
    assert result.dtype == np.float64
    return result


def test_float64_differs_from_numpy_by_its_own_rounding_only():
    model = single(layers.Dense(3, bias_initializer="normal"))
    kernel, bias = (np.float64(weight) for weight in model.get_weights())
    np.testing.assert_allclose(exact(model), X @ kernel + bias, rtol=1e-13)


def test_mixed_precision_computes_in_float32_and_names_stay():
    x = keras.Input((4, 4, 2), name="x")
    y = layers.Conv2D(3, 3, dtype="mixed_bfloat16", name="conv")(x)
    model = randomise(keras.Model(x, layers.BatchNormalization(dtype="mixed_float16")(y)))
    twin = at_dtype(model, "float32")
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert {layer.compute_dtype for layer in twin.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    for old, new in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_normalization_adapted_to_is_kept(dtype):
    layer = layers.Normalization(dtype="mixed_float16")
    layer.adapt(np.random.default_rng(0).normal(3, 2, (50, 2)))
    x = keras.Input((2,))
    twin = at_dtype(keras.Model(x, layer(x)), dtype)
    mean, variance = (np.asarray(each) for each in (layer.adapt_mean, layer.adapt_variance))
    data = np.array([[1.0, 5.0]], dtype)
    np.testing.assert_allclose(twin(data), (data - mean) / np.sqrt(variance), rtol=1e-6)


@pytest.mark.parametrize("function", [lambda x: SLOPE * x, gate, doubled])
def test_lambdas_keep_their_function_and_what_it_sees_around_it(function):
    np.testing.assert_allclose(exact(single(layers.Lambda(function))), np.asarray(function(X)))


def test_each_lambda_has_its_own_function_also_inside_a_nested_model():
    first, second = layers.Lambda(lambda x: x + 1, name="f"), layers.Lambda(lambda x: x * 5)
    inner = single(layers.Lambda(lambda x: x**2, name="f"))
    x = keras.Input((4,), name="x")
    np.testing.assert_allclose(exact(keras.Model(x, second(inner(first(x))))), 5 * (X + 1) ** 2)


def test_a_lambda_with_arguments_and_a_function_for_its_shape():
    layer = layers.Lambda(
        lambda x, by: x * by, arguments={"by": 7.0}, output_shape=lambda shape: shape
    )
    np.testing.assert_allclose(exact(single(layer)), 7 * X)


def test_folding_keeps_the_functions_of_lambdas():
    x = keras.Input((4,), name="x")
    y = layers.Lambda(lambda t: SLOPE * t)(layers.Dense(3)(x))
    model = randomise(keras.Model(x, layers.BatchNormalization()(layers.Dense(2)(y))))
    result = fold_batch_norms(model)
    assert result.report.counts["folded"] == 1
    np.testing.assert_allclose(result.model(X), model(X), rtol=1e-4, atol=1e-5)


def test_layers_and_activations_from_outside_keras():
    np.testing.assert_allclose(exact(single(Twice())), 2 * X)
    np.testing.assert_allclose(exact(single(layers.Activation(doubled))), 2 * X)


def test_a_lambda_loaded_from_a_file(tmp_path):
    single(layers.Lambda(lambda x: x - 4)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_allclose(exact(loaded), X - 4)
