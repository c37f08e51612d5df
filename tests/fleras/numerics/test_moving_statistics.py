"""Moving statistics: no race in compiled steps, and Keras' `renorm=True` reproduced."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization

CLIPPING = {"rmax": 1.5, "rmin": 0.5, "dmax": 0.5}


@pytest.mark.parametrize(("renorm_momentum", "steps"), [(None, 2000), (0.9, 200)])
def test_compiled_steps_give_what_the_reset_statistics_say(renorm_momentum, steps):
    layer = BatchNormalization(momentum=0.9, renorm_momentum=renorm_momentum)
    layer.build((8, 4, 4, 16))
    x = tf.random.stateless_normal((8, 4, 4, 16), (1, 2)) * 3 + 1
    statistics = layer.non_trainable_weights
    before = [w.numpy() for w in statistics]
    want = layer(x, training=True).numpy()
    after = [w.numpy() for w in statistics]
    if renorm_momentum is None:
        np.testing.assert_allclose(want, x / np.sqrt(1.001), atol=1e-5)
        np.testing.assert_allclose(after[0], 0.1 * x.numpy().mean((0, 1, 2)), atol=1e-6)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, [x, layer.gamma.value, layer.beta.value])

    for _ in range(steps):
        for variable, value in zip(statistics, before, strict=True):
            variable.assign(value)
        y, _ = step(x)
        np.testing.assert_allclose(y, want, atol=1e-5)
        for variable, value in zip(statistics, after, strict=True):
            np.testing.assert_allclose(variable, value, atol=1e-5)


@pytest.mark.parametrize("clipping", [None, CLIPPING])
@pytest.mark.parametrize("axis", [-1, 1])
def test_with_renorm_momentum_it_is_keras_renorm(axis, clipping):
    rng = np.random.default_rng(0)
    common = {"axis": axis, "momentum": 0.9, "renorm_clipping": clipping, "renorm_momentum": 0.8}
    theirs = keras.layers.BatchNormalization(renorm=True, **common)
    ours = BatchNormalization(**common)
    for layer in (theirs, ours):
        layer.build((None, 5, 4, 5))
    weights = [rng.uniform(0.5, 1.5, w.shape) for w in theirs.weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    for _ in range(4):
        x = tf.constant(rng.normal(2, 3, (6, 5, 4, 5)).astype("float32"))
        np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=2e-5)
        np.testing.assert_allclose(ours(x), theirs(x), atol=2e-5)
        for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_fresh_layer_starts_like_keras_renorm():
    initializers = {"moving_mean_initializer": "ones"}
    initializers["moving_variance_initializer"] = keras.initializers.Constant(4.0)
    theirs = keras.layers.BatchNormalization(renorm=True, **initializers)
    ours = BatchNormalization(renorm_momentum=0.99, **initializers)
    for layer in (theirs, ours):
        layer.build((None, 3))
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def test_population_variance_and_momentum():
    layer = BatchNormalization(momentum=0.75)
    layer.build((4, 1))
    layer(tf.constant([[1.0], [3.0], [5.0], [7.0]]), training=True)
    assert float(layer.moving_mean[0]) == pytest.approx(0.25 * 4)
    assert float(layer.moving_variance[0]) == pytest.approx(0.75 + 0.25 * 5)
