"""Every shape, axis and mode against the float64 reference: outputs, statistics, gradients."""

import numpy as np
import pytest

from tests.fleras.trial import CLIPPINGS, MODES, Trial, random_mask

SHAPES = [(6, 5), (4, 5, 3), (4, 5, 3, 6), (3, 4, 2, 5, 3)]
AXES = [(shape, axis) for shape in SHAPES for axis in range(len(shape))]
AXES += [((6, 5), -1), ((4, 5, 3), [-1]), ((4, 5, 3), [1, 2]), ((4, 5, 3), [0, 2])]
AXES += [((4, 5, 3, 6), [1, 3]), ((4, 5, 3, 6), [2, 1]), ((4, 5, 3, 6), [1, 2, 3])]
AXES += [((3, 4, 2, 5, 3), [1, -1]), ((3, 4, 2, 5, 3), [2, 3])]
OPTIONS = [(True, True), (True, False), (False, True), (False, False)]


def case(shape, axis, masked, seed):
    """Options vary with the seed, so that all of them meet all others."""
    scale, center = OPTIONS[seed % len(OPTIONS)]
    mask = random_mask(shape, seed) if masked else None
    clipping = CLIPPINGS[seed % len(CLIPPINGS)]
    return Trial.of(shape, axis, seed, mask, clipping, scale=scale, center=center)


def check(trial, mode):
    dy = np.random.default_rng(1).normal(size=trial.x.shape).astype("float32")
    x, layer, reference = trial.x.astype(float), trial.layer, trial.reference
    y, gradients, statistics = trial.run(mode, trial.x, dy, step=trial.step)
    mean, variance, _ = reference.moments(x)
    assert_near(y, reference.outputs(x))
    assert_near(statistics[0], reference.moving_mean * 0.99 + mean * 0.01)
    assert_near(statistics[1], reference.moving_variance * 0.99 + variance * 0.01)
    dx, dgamma, dbeta = reference.gradients(x, dy.astype(float))
    expected = [dx] + [dgamma] * layer.scale + [dbeta] * layer.center
    for got, want in zip(gradients, expected, strict=True):
        assert_near(got, want)


def assert_near(got, want, tolerance=1e-5):
    got = got.numpy().astype(float).reshape(want.shape)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
def test_eager_training_agrees_with_the_reference(shape, axis, masked, seed):
    check(case(shape, axis, masked, seed), "eager")


@pytest.mark.parametrize(
    ("mode", "masked"), [("function", False), ("function", True), ("xla", False)]
)
@pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
def test_compiled_training_agrees_with_the_reference(shape, axis, mode, masked):
    seed = AXES.index((shape, axis)) + 3 * masked
    check(case(shape, axis, masked, seed), mode)


@pytest.mark.fuzz
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
def test_all_options_in_every_mode(shape, axis, seed, masked, mode):
    check(case(shape, axis, masked, seed), mode)


@pytest.mark.parametrize("mode", ["eager", "function"])
@pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
def test_inference_agrees_with_the_reference(shape, axis, mode):
    trial = case(shape, axis, False, AXES.index((shape, axis)))
    before = trial.layer.get_weights()
    assert_near(trial.run(mode, step=trial.layer), trial.reference.inference(trial.x))
    for old, new in zip(before, trial.layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("axis", [-1, 1])
def test_without_clipping_training_gives_what_inference_gave(axis, masked, mode):
    shape = (4, 5, 3, 6)
    mask = random_mask(shape) if masked else None
    trial = Trial.of(shape, axis, mask=mask)
    inference = trial.layer(trial.x)
    assert_near(trial.run(mode), inference.numpy().astype(float))


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_clipped_to_one_it_is_batch_norm(axis):
    trial = Trial.of((4, 5, 3, 6), axis, clipping={"rmax": 1, "rmin": 1, "dmax": 0})
    x = trial.x.astype(float)
    mean, variance, _ = trial.reference.moments(x)
    normalized = (x - mean) / np.sqrt(variance + 1e-3)
    assert_near(trial.run("eager"), trial.reference.gamma * normalized + trial.reference.beta)
