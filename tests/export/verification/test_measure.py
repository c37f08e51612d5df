"""Each figure against its definition, written out a second time."""

import numpy as np
import pytest

from export.verification.measure import measure
from export.verification.tolerances import Tolerances

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(4, 50)) * np.array([[1e-3], [1], [1e3], [1]])
VALUE = (TRUTH * (1 + 1e-4 * RNG.normal(size=TRUTH.shape))).astype(np.float32)
BOUNDS = Tolerances(rtol=1e-3, atol=1e-3)


def figures(truth=TRUTH, value=VALUE, original=None, **bounds):
    return measure("y", truth, value, original, Tolerances(**bounds) if bounds else BOUNDS, "run")


def test_the_error_figures():
    error = np.abs(VALUE.astype(np.float64) - TRUTH)
    found = figures()
    assert found.max_abs == error.max()
    assert found.mean_abs == pytest.approx(error.mean(), rel=1e-12)
    assert found.p99_abs == np.sort(error.ravel())[198]
    assert found.max_rel == pytest.approx((error / np.abs(TRUTH)).max(), rel=1e-12)
    assert found.sqnr == pytest.approx(10 * np.log10((TRUTH**2).sum() / (error**2).sum()))
    assert found.cosine == pytest.approx(1, abs=1e-6)
    assert (found.shape, found.dtype, found.run) == ((4, 50), "float32", "run")


def test_excess_is_the_error_over_what_the_documentation_allows():
    rms = np.sqrt((TRUTH**2).mean(axis=1, keepdims=True))
    excess = np.abs(VALUE.astype(np.float64) - TRUTH) / (1e-3 * rms + 1e-3 * np.abs(TRUTH))
    found = figures()
    assert found.excess == pytest.approx(excess.max(), rel=1e-12)
    assert found.worst_example == excess.max(axis=1).argmax()
    assert found.passed
    assert not figures(rtol=1e-6, atol=1e-6).passed


def test_the_smallest_tolerances_that_pass_each_with_the_other_as_it_is():
    for name in ("rtol", "atol"):
        bounds = {"rtol": 1e-5, "atol": 1e-5}
        needed = getattr(figures(**bounds), f"passing_{name}")
        assert figures(**bounds | {name: needed * (1 + 1e-9)}).passed
        assert not figures(**bounds | {name: needed * (1 - 1e-6)}).passed


def test_what_the_original_errs_is_allowed_four_times_and_up_to_the_ceiling():
    truth = TRUTH[1:2]
    strict = {"truth": truth, "original": truth + 1e-4, "rtol": 0.0, "atol": 0.0}
    assert figures(value=truth + 3.9e-4, **strict).passed
    assert figures(value=truth, **strict).original_max_abs == pytest.approx(1e-4)
    assert not figures(value=truth + 4.1e-4, **strict).passed
    assert not figures(value=truth + 3.9e-4, **strict, ceiling=1e-4).passed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_fails_whatever_the_bounds(bad):
    value = VALUE.copy()
    value[2, 7] = bad
    found = figures(value=value, rtol=1e30, atol=1e30)
    assert not found.passed
    assert found.max_abs == np.inf
    assert found.worst_example == 2
    assert not figures(value=value, min_sqnr=-1e9).passed


def test_nan_in_both_is_not_equal():
    both = np.full((1, 3), np.nan)
    assert not figures(both, both.astype(np.float32), rtol=1e30, atol=1e30).passed


def test_a_wrong_shape_or_kind_has_its_reason_and_no_figures():
    for value in (VALUE[:2], VALUE[:, :1], VALUE.astype(np.int64)):
        found = figures(value=value)
        assert not found.passed
        assert found.problem.startswith(("shape", "dtype"))
        assert found.max_abs == np.inf


def test_a_signal_of_zeros_and_noise_of_zeros():
    zeros = np.zeros((2, 3))
    assert figures(zeros, zeros.astype(np.float32)).passed
    assert figures(zeros, zeros.astype(np.float32)).sqnr == np.inf
    assert figures(zeros, np.float32(zeros + 1), min_sqnr=-1e9).sqnr == -np.inf
    assert not figures(zeros, np.float32(zeros + 1), min_sqnr=-1e9).passed


def test_top1_counts_examples_of_scores_only():
    scores = np.eye(4)
    wrong = np.float32(scores)
    wrong[0] = wrong[1]
    assert figures(scores, wrong).top1 == 0.75
    assert figures(scores.reshape(4, 2, 2), wrong.reshape(4, 2, 2)).top1 is None
    assert figures(np.ones((4, 1)), np.ones((4, 1), np.float32)).top1 is None
