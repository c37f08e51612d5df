import json
from dataclasses import replace

import numpy as np
import pytest

from export.verification.figures import worst
from export.verification.measure import measure
from export.verification.tolerances import Tolerances


def figures(shift, run, original=0.0):
    truth = np.array([[1.0, 2.0], [3.0, 5.0]])
    own = None if original is None else np.float32(truth + original)
    return measure("y", truth, np.float32(truth + shift), own, Tolerances(atol=1e-2), run)


GOOD, BAD = figures(1e-4, "good", original=1e-3), figures(1.0, "bad", original=None)


def test_the_worst_run_leads_and_every_figure_is_the_worst_of_any():
    quiet = replace(GOOD, sqnr=-5.0, top1=0.5, p99_abs=9.0)
    merged = worst([GOOD, BAD, quiet])
    assert (merged.run, merged.passed) == ("bad", False)
    assert (merged.max_abs, merged.sqnr, merged.top1, merged.p99_abs) == (1.0, -5.0, 0.5, 9.0)
    assert merged.passing_atol == BAD.passing_atol
    assert merged.original_max_abs == GOOD.original_max_abs


def test_a_failed_run_leads_even_where_another_has_the_larger_excess():
    failed = replace(GOOD, passed=False, run="failed")
    assert worst([replace(GOOD, excess=0.9), failed]).run == "failed"


def test_one_run_is_itself():
    assert worst([GOOD]) == GOOD


def test_infinite_figures_become_words_in_json():
    record = json.loads(json.dumps(figures(np.nan, "nan").to_dict(), allow_nan=False))
    assert record["max_abs"] == "inf"
    assert record["sqnr"] == "-inf"
    assert record["passed"] is False
    assert record["shape"] == [2, 2]


def test_the_sentence_says_verdict_error_and_what_is_wrong():
    assert str(GOOD).startswith("ok   y: error max 1.0e-04, the original's 1.0e-03")
    assert str(BAD).startswith("FAIL y: error max 1.0e+00, mean")
    assert str(replace(BAD, problem="shape (1,)")) == "FAIL y: shape (1,)"


def test_a_record_does_not_change():
    with pytest.raises(AttributeError):
        GOOD.passed = False
