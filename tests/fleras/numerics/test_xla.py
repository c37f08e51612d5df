"""XLA gives the numbers that TensorFlow's own kernels give, where its fused batch norm fails."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization
from fleras.numerics.xla import compiled_by_xla
from tests.fleras.trial import MODES, Trial


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ratio", [1e2, 1e3, 1e4])
@pytest.mark.parametrize(("shape", "axis"), [((16, 8, 8, 4), -1), ((16, 4, 8, 8), 1)])
def test_large_means_keep_their_digits(shape, axis, ratio, mode):
    trial = Trial.of(shape, axis, clipping={"rmax": 1, "rmin": 1, "dmax": 0}, momentum=0)
    trial.x = (trial.x - 1 + 2 * ratio).astype("float32")
    x = trial.x.astype(float)
    got, reference = trial.run(mode).numpy(), trial.reference
    np.testing.assert_allclose(got, reference.outputs(x), rtol=1e-4, atol=1e-3)
    mean, variance, _ = reference.moments(x)
    np.testing.assert_allclose(trial.layer.moving_mean, mean.ravel(), rtol=2e-7)
    np.testing.assert_allclose(trial.layer.moving_variance, variance.ravel(), rtol=1e-4)


def test_fused_kernels_fail_under_xla():
    """The reason for the plain path; when this fails, XLA has mended its batch norm."""
    x = tf.random.stateless_normal((64, 8, 8, 4), (1, 2)) + 1e4

    @tf.function(jit_compile=True)
    def variance(x):
        return tf.compat.v1.nn.fused_batch_norm(x, tf.ones(4), tf.zeros(4))[2]

    assert np.abs(variance(x) - 1).max() > 0.1


def test_fit_with_jit_compile_on_large_means():
    rng = np.random.default_rng(0)
    x = rng.normal(2000, 1, (64, 6, 6, 3)).astype("float32")
    clipping = {"rmax": 1, "rmin": 1, "dmax": 0}
    layers = [keras.Input((6, 6, 3)), BatchNormalization(momentum=0, renorm_clipping=clipping)]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(x, np.zeros((64, 1)), batch_size=64, verbose=0)
    variance = model.layers[0].moving_variance.numpy()
    np.testing.assert_allclose(variance, x.astype(float).var((0, 1, 2)), rtol=1e-3)


def test_detection():
    seen = []

    def trace():
        seen.append(compiled_by_xla())

    trace()
    tf.function(trace)()
    tf.function(trace, jit_compile=True)()
    inner = tf.function(trace)
    tf.function(lambda: inner(), jit_compile=True)()
    tf.function(lambda: tf.cond(tf.constant(True), lambda: trace(), lambda: None))()
    assert seen == [False, False, True, True, False, False][: len(seen)]
    assert len(seen) >= 5


@pytest.mark.parametrize(
    ("flags", "expected"), [("--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", True), ("", False)]
)
def test_automatic_clusters_are_detected(flags, expected, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", flags)
    found = []
    tf.function(lambda: found.append(compiled_by_xla()))()
    assert found == [expected]
