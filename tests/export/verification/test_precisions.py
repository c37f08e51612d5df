import pytest

from export.base.errors import InputError
from export.verification.precisions import DEFAULT, PRECISIONS, tolerances


def test_given_bounds_take_the_place_of_the_defaults_one_by_one():
    assert tolerances("float16") == PRECISIONS["float16"].tolerances
    assert tolerances("float32", rtol=0.5).rtol == 0.5
    assert tolerances("float32", rtol=0.5).atol == PRECISIONS["float32"].tolerances.atol
    assert tolerances("float32", atol=0.0).atol == 0.0
    assert tolerances("int8", min_sqnr=-3.0).min_sqnr == -3.0


def test_the_more_precise_a_format_the_less_it_may_err():
    allowed = [PRECISIONS[name].tolerances.atol for name in ("float32", "float16")]
    noise = [PRECISIONS[name].tolerances.min_sqnr for name in ("dynamic_int8", "int8")]
    assert 0 < allowed[0] < allowed[1]
    assert noise[0] > noise[1] > 0
    assert PRECISIONS["float32"].tolerances.min_sqnr is None


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


def test_each_format_knows_how_to_make_its_precisions():
    from export.onnx_format import precision
    from export.tflite_format import from_tensorflow

    for form, known in (("onnx", precision.REDUCTIONS), ("tflite", from_tensorflow.REDUCTIONS)):
        reduced = {row.name for row in PRECISIONS.values() if form in row.formats} - {DEFAULT}
        assert reduced == known.keys()
