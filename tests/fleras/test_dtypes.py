"""Every dtype and extreme inputs: finite outputs, statistics right or untouched."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization

POLICIES = ["float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16"]
CLIPPING = {"rmax": 1.5, "rmin": 0.5, "dmax": 0.5}
PRECISION = {"float64": 1e-12, "float32": 2e-5, "float16": 1e-2, "bfloat16": 6e-2}


def built(shape, **kwargs):
    layer = BatchNormalization(**kwargs)
    layer.build(shape)
    return layer


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("policy", POLICIES)
def test_outputs_and_statistics(policy, axis, jit_compile):
    layer = built((8, 4, 4, 4), dtype=policy, axis=axis, momentum=0, renorm_clipping=CLIPPING)
    x = tf.cast(tf.random.stateless_normal((8, 4, 4, 4), (1, 2)) * 2 + 3, layer.compute_dtype)
    y = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)(x)
    assert y.dtype == layer.compute_dtype
    exact = tf.cast(x, tf.float64).numpy()
    axes = (0, 1, 2) if axis == -1 else (0, 2, 3)
    mean, stddev = exact.mean(axes, keepdims=True), exact.std(axes, keepdims=True)
    want = (exact - mean) / np.sqrt(stddev**2 + 1e-3) * 1.5 + 0.5
    tolerance = PRECISION[layer.compute_dtype]
    np.testing.assert_allclose(tf.cast(y, tf.float64), want, atol=tolerance, rtol=tolerance)
    np.testing.assert_allclose(layer.moving_mean, mean.ravel(), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, stddev.ravel() ** 2, rtol=1e-5)
    expected = "float64" if policy == "float64" else "float32"
    assert {w.dtype for w in layer.weights} == {expected}
    assert layer(x).dtype == layer.compute_dtype


@pytest.mark.parametrize("shape", [(64, 4), (8, 3, 3, 4), (2, 3, 3, 3, 4)])
@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "bfloat16"])
def test_inputs_as_large_as_float16_allows(policy, shape):
    layer = built(shape, dtype=policy, momentum=0, renorm_clipping={"dmax": 1.0, "rmax": 1.0})
    signs = np.random.default_rng(0).choice([-1, 1], shape)
    x = tf.cast(60000 * signs, layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    dx = tape.gradient(y, x, output_gradients=tf.cast(signs, y.dtype))
    assert np.isfinite(y).all() and np.isfinite(dx).all()
    exact = tf.cast(x, tf.float64).numpy().reshape(-1, 4)
    np.testing.assert_allclose(layer.moving_variance, exact.var(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, exact.mean(0), rtol=1e-5, atol=0.1)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 3), (1, 1, 1, 3), (1, 1, 1, 1, 3)])
def test_one_element_per_channel(shape, jit_compile):
    layer = built((None, *shape[1:]), momentum=0.5)
    x = tf.reshape(tf.constant([2.0, -4.0, 0.0]), shape)
    y = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)(x)
    np.testing.assert_allclose(y, x / np.sqrt(1.001), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, [1, -2, 0])
    np.testing.assert_allclose(layer.moving_variance, [0.5] * 3)


@pytest.mark.parametrize("renorm_momentum", [None, 0.9])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("shape", [(0, 3), (0, 2, 3), (0, 2, 2, 3), (0, 2, 2, 2, 3), (2, 0, 3)])
def test_an_empty_batch_changes_nothing(shape, jit_compile, renorm_momentum):
    layer = built((None, *shape[1:]), renorm_momentum=renorm_momentum, renorm_clipping=CLIPPING)
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.weights])
    if renorm_momentum:
        layer.moving_variance.assign(layer.moving_stddev**2 - layer.epsilon)
    before = layer.get_weights()

    def step(x):
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
        return y, tape.gradient(y, [layer.gamma.value, layer.beta.value])

    y, gradients = tf.function(step, jit_compile=jit_compile)(tf.zeros(shape))
    assert y.shape == shape
    np.testing.assert_array_equal(gradients, 0)
    for got, want in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("mask_shape", [(4,), (4, 5), (4, 5, 3), (1, 1, 1)])
def test_a_fully_masked_batch_changes_nothing(mask_shape, jit_compile):
    layer = built((None, 5, 3), renorm_clipping=CLIPPING)
    before = layer.get_weights()
    x = tf.random.stateless_normal((4, 5, 3), (1, 2))
    mask = tf.zeros(mask_shape, tf.bool)
    call = tf.function(lambda x: layer(x, training=True, mask=mask), jit_compile=jit_compile)
    np.testing.assert_allclose(call(x), layer(x), rtol=1e-5)
    for got, want in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_masked_positions_may_hold_anything():
    layer = built((None, 4, 2), momentum=0)
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[1, 1, 1, 0]] * 3, "float32")
    x[:, 3] = np.nan
    layer(x, training=True, mask=mask)
    np.testing.assert_allclose(layer.moving_mean, x[:, :3].mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, x[:, :3].var((0, 1)), rtol=1e-5)


def test_fit_in_mixed_precision_stays_finite():
    layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3, dtype="mixed_float16")]
    layers += [BatchNormalization(dtype="mixed_float16"), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(1, dtype="float32")])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3)), "mse")
    x = np.random.default_rng(0).normal(0, 1000, (32, 6, 6, 1))
    loss = model.fit(x, np.zeros((32, 1)), epochs=3, verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())
