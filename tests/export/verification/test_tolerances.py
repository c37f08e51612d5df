import pytest

from export.base.errors import InputError
from export.verification.tolerances import DEFAULTS, tolerances


def test_given_bounds_take_the_place_of_the_defaults_one_by_one():
    assert tolerances("float16") == DEFAULTS["float16"]
    assert tolerances("float32", rtol=0.5).rtol == 0.5
    assert tolerances("float32", rtol=0.5).atol == DEFAULTS["float32"].atol
    assert tolerances("float32", atol=0.0).atol == 0.0
    assert tolerances("int8", min_sqnr=-3.0).min_sqnr == -3.0
    assert tolerances("int8", min_sqnr=-3.0).min_cosine == DEFAULTS["int8"].min_cosine


def test_the_more_precise_a_format_the_less_it_may_err():
    allowed = [DEFAULTS[name].atol for name in ("float32", "float16")]
    noise = [DEFAULTS[name].min_sqnr for name in ("dynamic_int8", "int8")]
    assert 0 < allowed[0] < allowed[1]
    assert noise[0] > noise[1] > 0
    assert DEFAULTS["float32"].min_sqnr is None


@pytest.mark.parametrize("name", ["rtol", "atol", "min_sqnr"])
def test_a_bound_that_is_none_is_wrong_use(name):
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(InputError, match=f"{name} is"):
            tolerances("float32", **{name: value})


@pytest.mark.parametrize("name", ["rtol", "atol"])
def test_no_tolerance_is_negative(name):
    with pytest.raises(InputError, match=f"{name} is -1e-09; give a number"):
        tolerances("float32", **{name: -1e-9})


def test_an_unknown_precision_names_those_there_are():
    with pytest.raises(InputError, match="'int4'; use one of float32, float16"):
        tolerances("int4")
