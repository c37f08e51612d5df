"""Signal and noise over all examples, by parts and by channels."""

import numpy as np
import pytest

from export.base.parts import WHOLE, Parts
from export.verification.comparison import compare
from export.verification.noise import noise_of, ranges, sqnr

RNG = np.random.default_rng(0)


def test_the_ratio_is_that_of_its_definition():
    truth, error = RNG.normal(size=(5, 7)), 0.01 * RNG.normal(size=(5, 7))
    expected = 10 * np.log10((truth**2).sum() / (error**2).sum())
    assert sqnr(truth, error) == pytest.approx(expected)
    assert noise_of(truth, truth + error, WHOLE).sqnr == pytest.approx(expected)


def test_a_unit_is_a_floor_of_one_step_and_no_more():
    small = np.full((10, 1), 1e-5)
    assert noise_of(small, np.zeros((10, 1)), WHOLE, 1.0).sqnr > 30
    assert noise_of(small, np.full((10, 1), 1 / 256), WHOLE, 1.0).sqnr > 10
    assert noise_of(np.full((10, 1), 0.2), np.zeros((10, 1)), WHOLE, 1.0).sqnr == 0
    assert noise_of(small, np.zeros((10, 1)), WHOLE).sqnr == 0


def joined(lost):
    boxes, scores = RNG.uniform(0, 320, (50, 4)), RNG.uniform(0, 1, (50, 3))
    truth = np.concatenate([boxes, scores], axis=1)
    result = np.concatenate([boxes + RNG.normal(size=(50, 4)), scores * (not lost)], axis=1)
    parts = Parts(np.array([0, 0, 0, 0, 1, 1, 1]), (0.0, 1.0))
    return {"y": truth}, {"y": result.astype(np.float32)}, {"y": parts}


def test_a_part_that_drowns_fails_and_is_named():
    truth, result, parts = joined(lost=True)
    assert compare(truth, result, precision="int8")
    comparison = compare(truth, result, precision="int8", parts=parts)
    assert not comparison
    assert "channels 4 to 6 have 0.0 dB" in str(comparison)
    assert "output of their own" in str(comparison)
    assert comparison.outputs["y"].lost == (4, 5, 6)
    assert compare(*joined(lost=False)[:2], precision="int8", parts=parts)


def test_without_known_parts_lost_channels_are_warned_of():
    truth, result, _ = joined(lost=True)
    (warning,) = compare(truth, result, precision="int8").warnings
    assert "channels 4 to 6 of output 'y' tell nothing" in warning
    assert not compare(*joined(lost=False)[:2], precision="int8").warnings


def test_classes_may_differ_as_often_as_noise_has_a_share():
    truth = {"y": np.arange(100)}
    for wrong, passes in ((9, True), (11, False)):
        result = {"y": np.where(np.arange(100) < wrong, -1, truth["y"])}
        assert bool(compare(truth, result, precision="int8")) is passes
    assert not compare(truth, {"y": truth["y"] + (truth["y"] == 3)})


def test_ranges_in_words():
    assert ranges([1, 2, 3, 7]) == "1 to 3, 7"
    assert ranges([]) == ""
