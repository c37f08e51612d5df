import json

import numpy as np
import pytest

from export.base.errors import InputError
from export.verification.comparison import compare, merge


def outputs(seed=0, shape=(4, 10)):
    return {"scores": np.random.default_rng(seed).normal(size=shape)}


def moved(reference, by):
    return {name: (values + by).astype(np.float32) for name, values in reference.items()}


def test_float32_rounding_is_equivalent():
    reference = outputs()
    assert compare(reference, moved(reference, 0))


def test_an_error_beyond_the_tolerance_is_not():
    reference = outputs()
    comparison = compare(reference, moved(reference, 1e-2))
    assert not comparison
    assert comparison.outputs["scores"].max_abs == pytest.approx(1e-2, rel=1e-3)


def test_the_figures_agree_with_their_definition():
    reference = {"y": np.array([[1.0, -2.0], [4.0, 8.0]])}
    result = {"y": np.array([[1.5, -2.0], [4.0, 6.0]])}
    figures = compare(reference, result).outputs["y"]
    assert figures.max_abs == 2.0
    assert figures.mean_abs == pytest.approx(2.5 / 4)
    assert figures.max_rel == pytest.approx(0.5)
    assert figures.sqnr == pytest.approx(10 * np.log10(85 / 4.25))
    assert figures.top1 == 1.0


@pytest.mark.parametrize("name", ["passing_rtol", "passing_atol"])
def test_the_smallest_tolerance_that_passes_passes_and_a_smaller_one_does_not(name):
    reference = outputs()
    result = moved(reference, np.random.default_rng(1).normal(size=(4, 10)) * 1e-2)
    needed = getattr(compare(reference, result, rtol=1e-3, atol=1e-3).outputs["scores"], name)
    bounds = {"rtol": 1e-3, "atol": 1e-3}
    key = name.removeprefix("passing_")
    assert compare(reference, result, **{**bounds, key: needed * (1 + 1e-9)})
    assert not compare(reference, result, **{**bounds, key: needed * (1 - 1e-6)})


def test_nan_is_never_equal_not_even_to_nan():
    reference = {"y": np.full((2, 2), np.nan)}
    assert not compare(reference, reference)


def test_one_nan_among_many_right_numbers_fails():
    reference = outputs()
    result = moved(reference, 0)
    result["scores"][1, 2] = np.nan
    comparison = compare(reference, result)
    assert not comparison
    assert comparison.outputs["scores"].worst_example == 1


def test_equal_infinities_agree_and_others_do_not():
    mask = {"y": np.array([[-np.inf, 1.0]])}
    assert compare(mask, mask)
    assert not compare(mask, {"y": np.array([[np.inf, 1.0]])})
    assert not compare(mask, {"y": np.array([[0.0, 1.0]])})


def test_a_small_example_is_not_hidden_by_a_large_one():
    reference = {"y": np.array([[1e4, -1e4], [1e-2, -1e-2]])}
    result = {"y": np.array([[1e4, -1e4], [1.1e-2, -1e-2]])}
    comparison = compare(reference, result)
    assert not comparison
    assert comparison.outputs["y"].worst_example == 1


def test_noise_of_the_original_is_allowed_but_bounded():
    reference = outputs()
    noisy = moved(reference, 1e-3)
    assert not compare(reference, noisy)
    assert compare(reference, noisy, original=noisy)
    broken = moved(reference, 1.0)
    assert not compare(reference, broken, original=broken)


def test_missing_and_extra_outputs_are_named():
    reference = {"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}
    comparison = compare(reference, {"a": np.zeros((1, 1)), "c": np.zeros((1, 1))})
    assert not comparison
    assert "'b' is missing" in str(comparison)
    assert "'c' is not the model's" in str(comparison)


def test_a_wrong_shape_or_dtype_fails_with_its_reason():
    reference = {"y": np.zeros((2, 3))}
    assert "shape (2, 1)" in str(compare(reference, {"y": np.zeros((2, 1))}))
    original = {"y": np.zeros((2, 3), np.float32)}
    half = {"y": np.zeros((2, 3), np.float16)}
    assert "dtype float16 instead of float32" in str(compare(reference, half, original=original))
    assert not compare(reference, {"y": np.zeros((2, 3), np.int32)})


def test_integers_are_exact_except_where_the_original_errs_itself():
    reference = {"label": np.array([1, 2, 3])}
    flipped = {"label": np.array([1, 2, 4])}
    assert compare(reference, reference)
    assert not compare(reference, flipped)
    assert compare(reference, flipped, original=flipped)


def test_a_reference_without_spread_is_a_warning():
    flat = {"y": np.ones((3, 4))}
    comparison = compare(flat, flat)
    assert comparison
    assert "same for every input" in comparison.warnings[0]
    assert not compare(outputs(), outputs()).warnings


def test_int8_is_judged_by_signal_to_noise():
    reference = outputs(shape=(4, 100))
    noise = np.random.default_rng(1).normal(size=(4, 100))
    assert compare(reference, moved(reference, noise * 0.03), precision="int8")
    assert not compare(reference, moved(reference, noise), precision="int8")
    assert not compare(reference, moved(reference, noise * 0.03), precision="int8", min_sqnr=40)
    figures = compare(reference, moved(reference, noise * 0.03), precision="int8").outputs["scores"]
    assert figures.excess == pytest.approx(10 ** ((10 - figures.sqnr) / 20))


def test_nothing_compared_is_not_equivalent():
    assert not compare({}, {})
    assert not merge([])


def test_merged_runs_keep_the_worst_of_each_output():
    reference = outputs()
    good = compare(reference, moved(reference, 0), run="good")
    bad = compare(reference, moved(reference, 1.0), run="bad")
    assert merge([good, good])
    merged = merge([bad, good])
    assert not merged
    assert merged.outputs["scores"].run == "bad"


def test_the_record_is_json_even_when_figures_are_infinite():
    record = compare({"y": np.ones((1, 2))}, {"y": np.full((1, 2), np.nan)}).to_dict()
    assert json.loads(json.dumps(record, allow_nan=False))["equivalent"] is False


def test_empty_and_scalar_outputs():
    assert compare({"y": np.zeros((0, 3))}, {"y": np.zeros((0, 3))})
    assert compare({"y": np.float64(2.0)[None][0:1].reshape(())}, {"y": np.array(2.0)})


def test_an_unknown_precision_is_wrong_use():
    with pytest.raises(InputError, match="unknown precision 'int4'"):
        compare({}, {}, precision="int4")


def test_one_example_repeated_is_no_flat_output():
    same = {"y": np.ones((4, 3))}
    assert compare(same, same).warnings
    assert not compare(same, same, varied=False).warnings


def test_the_worst_example_is_told_with_what_it_was_made_of():
    truth = {"y": np.ones((3, 2))}
    wrong = {"y": truth["y"] + [[0.1], [1], [0]]}
    for precision in ("float32", "int8"):
        figures = compare(truth, wrong, labels=["a", "b", "c"], precision=precision).outputs["y"]
        assert (figures.worst_example, figures.worst_input) == (1, "b")


def test_a_notebook_shows_the_comparison_as_text():
    truth = {"<y>": np.ones((2, 2))}
    assert "&lt;y&gt;" in compare(truth, truth)._repr_html_()
