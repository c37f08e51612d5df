"""Second-order gradients: a gradient penalty through the layer, against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.fleras.trial import Trial, random_mask

CASES = [((6, 3), -1), ((3, 2, 2, 2), -1), ((3, 2, 2, 2), 1), ((2, 2, 2, 2, 2), -1)]
CASES += [((2, 2, 2, 2, 2), 1), ((3, 2, 2, 2), [1, 3]), ((2, 3, 4), 1)]


def penalty_gradients(trial, u, v, w):
    """A step: the gradients of a random linear function of the first-order gradients."""

    def step(x, dy):
        with tf.GradientTape() as outer:
            outer.watch([x, dy])
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = trial.train(x)
            gradients = inner.gradient(y, [x, *trial.parameters()], output_gradients=dy)
            parts = zip(gradients, (u, v, w), strict=True)
            total = tf.add_n([tf.reduce_sum(g * tf.reshape(c, g.shape)) for g, c in parts])
        return outer.gradient(total, [x, dy, trial.layer.gamma.value])

    return step


def expected_gradients(reference, x, dy, u, v, w):
    mean, variance, _ = reference.moments(x)
    fixed = replace(reference, fixed=reference.correction(mean, variance))

    def total(x, dy, gamma):
        gradients = replace(fixed, gamma=gamma).gradients(x, dy)
        return sum((g * c).sum() for g, c in zip(gradients, (u, v, w), strict=True))

    arguments = [x, dy, reference.gamma]
    return [differences(total, arguments, i) for i in range(3)]


def differences(function, arguments, which, h=1e-5):
    result = np.zeros_like(arguments[which])
    for index in np.ndindex(result.shape):
        sides = []
        for sign in (1, -1):
            moved = [a.copy() for a in arguments]
            moved[which][index] += sign * h
            sides.append(function(*moved))
        result[index] = (sides[0] - sides[1]) / (2 * h)
    return result


@pytest.mark.parametrize("mode", ["eager", "function", "xla"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("shape", "axis"), CASES, ids=str)
def test_second_order_gradients(shape, axis, masked, mode):
    if masked and mode == "function":
        mode = "eager"
    mask = random_mask(shape) if masked else None
    trial = Trial.of(shape, axis, 3, mask, {"rmax": 1.2, "rmin": 0.8, "dmax": 0.3})
    rng = np.random.default_rng(5)
    dy, u = (rng.normal(size=shape).astype("float32") for _ in range(2))
    size = trial.reference.gamma.shape
    v, w = (rng.normal(size=size).astype("float32") for _ in range(2))
    step = penalty_gradients(trial, u, v, w)
    got = trial.run(mode, trial.x, dy, step=step)
    x, dy = trial.x.astype(float), dy.astype(float)
    for g, want in zip(got, expected_gradients(trial.reference, x, dy, u, v, w), strict=True):
        tolerance = 2e-4 * np.abs(want).max()
        np.testing.assert_allclose(np.reshape(g, want.shape), want, atol=tolerance)
