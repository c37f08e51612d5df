import numpy as np
import pytest

from export.errors import InputError
from export.options import Options
from export.proof.comparison import Comparison, compare
from export.proof.tolerances import DEFAULTS, tolerances
from export.summary import complaint_of


def comparison(shift):
    reference = {"y": np.arange(6.0).reshape(2, 3)}
    return compare(reference, {"y": reference["y"] + shift})


def test_nothing_to_complain_of():
    assert complaint_of({"a.onnx": comparison(0), "b.tflite": comparison(0)}) == ""


def test_a_complaint_is_one_line_that_names_the_wrong_files_and_why():
    crashed = Comparison(problems=("LiteRT: it crashed",))
    checks = {"a.onnx": comparison(0), "b.onnx": comparison(1), "c.tflite": crashed}
    line = complaint_of(checks)
    assert line.startswith("b.onnx, c.tflite does not compute")
    assert "FAIL y" in line
    assert "it crashed" in line
    assert "\n" not in line


def test_given_bounds_take_the_place_of_the_defaults():
    assert tolerances("float32") == DEFAULTS["float32"]
    assert tolerances("float32", rtol=0.5).rtol == 0.5
    assert tolerances("float32", rtol=0.5).atol == DEFAULTS["float32"].atol
    assert tolerances("int8", min_sqnr=33).min_sqnr == 33


@pytest.mark.parametrize(
    "wrong", [{"formats": ()}, {"formats": ("torch",)}, {"precisions": ("int4",)}]
)
def test_options_that_make_no_export_are_wrong_use(wrong):
    with pytest.raises(InputError, match="choose from"):
        Options(**wrong)


def test_each_format_and_precision_is_a_file():
    names = [name for name, *_ in Options(precisions=("float32", "float16")).targets()]
    assert names == [
        "model.onnx",
        "model.float16.onnx",
        "model.tflite",
        "model.float16.tflite",
    ]
