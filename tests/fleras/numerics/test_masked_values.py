"""What is not finite at masked positions reaches no statistic and no derivative."""

import numpy as np
import pytest
import tensorflow as tf

from fleras.numerics import dispatch
from tests.fleras.trial import MODES, Trial, random_mask

CASES = [((6, 3), -1), ((3, 4, 3), -1), ((3, 4, 3), 1), ((3, 2, 2, 2), -1), ((3, 2, 2, 2), [1, 3])]
CLIPPING = {"rmax": 1.2, "rmin": 0.8, "dmax": 0.3}
HUGE = float(np.finfo("float32").max)


def derivatives(trial, dy, u):
    """A step: masked outputs, first derivatives, and those of a random function of them."""

    def step(x):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.where(trial.counted, trial.train(x), 0)
                loss = tf.reduce_sum(tf.sin(y) * dy)
            first = inner.gradient(loss, [x, *trial.parameters()])
            total = tf.add_n([tf.reduce_sum(tf.sin(g)) for g in first])
            total += tf.reduce_sum(first[0] * u)
        second = outer.gradient(total, [x, *trial.parameters()])
        statistics = trial.layer.moving_mean.value, trial.layer.moving_variance.value
        return y, first, second, [tf.identity(v) for v in statistics]

    return step


def trained(shape, axis, filler, mode, dtype="float32"):
    """Outputs, derivatives and statistics where masked positions hold this value."""
    mask = random_mask(shape)
    trial = Trial.of(shape, axis, 3, mask, CLIPPING, dtype=dtype)
    trial.counted = mask[..., np.newaxis]
    trial.x = np.where(trial.counted, trial.x, filler).astype(dtype)
    rng = np.random.default_rng(5)
    dy, u = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    results = trial.run(mode, step=derivatives(trial, dy, u))
    return [np.array(a, "float64") for a in tf.nest.flatten(results)], trial.counted


def assert_same(shape, axis, filler, mode, dtype="float32"):
    want, counted = trained(shape, axis, 0.5, mode, dtype)
    got, _ = trained(shape, axis, filler, mode, dtype)
    for a, b in zip(got, want, strict=True):
        assert np.isfinite(a).all()
        if a.shape == tuple(shape):
            np.testing.assert_array_equal(np.where(counted, 0, a), 0)
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("filler", [np.nan, np.inf, -np.inf, HUGE], ids=str)
@pytest.mark.parametrize(("shape", "axis"), CASES[:3], ids=str)
def test_first_and_second_derivatives(shape, axis, filler, mode):
    assert_same(shape, axis, filler, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), CASES[3:], ids=str)
def test_other_axes_and_dtypes(shape, axis, dtype, mode):
    assert_same(shape, axis, np.nan, mode, dtype)


@pytest.mark.parametrize("mode", ["eager", "function"])
def test_synchronized(mode, monkeypatch):
    """Two replicas with the same batch are one with the batch twice."""
    monkeypatch.setattr(dispatch, "has_replicas", lambda: True)
    monkeypatch.setattr(dispatch, "sum_over_replicas", lambda value: 2 * value)
    shape = (3, 4, 3)
    mask = random_mask(shape)
    results = []
    for filler in (0.5, np.nan):
        trial = Trial.of(shape, -1, 3, mask, CLIPPING, synchronized=True)
        trial.counted = mask[..., np.newaxis]
        trial.x = np.where(trial.counted, trial.x, filler).astype("float32")
        dy = np.random.default_rng(5).normal(size=shape).astype("float32")
        results.append(tf.nest.flatten(trial.run(mode, step=derivatives(trial, dy, dy))))
    for want, got in zip(*results, strict=True):
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_all_masked_and_nothing_finite(mode):
    trial = Trial.of((4, 3), -1, mask=np.zeros(4, bool))
    x = np.full((4, 3), np.nan, "float32")
    y, gradients, statistics = trial.run(mode, x, np.ones_like(x), step=trial.step)
    for value in (y, *gradients):
        np.testing.assert_array_equal(value, 0)
    np.testing.assert_allclose(statistics[0], trial.reference.moving_mean.ravel(), rtol=1e-6)


def test_counted_nan_is_not_hidden():
    trial = Trial.of((4, 3), -1, mask=np.array([True, True, False, True]))
    trial.x[0, 0] = np.nan
    y = trial.run("eager")
    assert np.isnan(y[:2, 0]).all() and np.isfinite(y[:, 1:]).all()
