from pathlib import Path

import pytest

from export.base.errors import InputError
from export.options import Options


def test_each_format_and_precision_is_a_file():
    options = Options(precisions=("float32", "float16"))
    assert options.forms() == ["onnx", "tflite"]
    assert options.files("onnx") == {"float32": "model.onnx", "float16": "model.float16.onnx"}
    assert options.files("tflite") == {"float32": "model.tflite", "float16": "model.float16.tflite"}


def test_what_is_asked_for_twice_is_one_file():
    options = Options(formats=("onnx", "onnx"), precisions=("float16", "float16"))
    assert options.forms() == ["onnx"]
    assert options.files("onnx") == {"float16": "model.float16.onnx"}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"formats": ()}, "choose from"),
        ({"formats": ("torch",)}, r"\['torch'\]; choose from"),
        ({"precisions": ("int4",)}, r"\['int4'\]; choose from"),
        ({"precisions": ("int8",)}, "--calibration"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": -2}, "batch is -2"),
        ({"rtol": -1e-3}, "rtol is -0.001"),
        ({"atol": float("nan")}, "atol is nan"),
        ({"atol": float("inf")}, "atol is inf"),
        ({"min_sqnr": float("nan")}, "min_sqnr is nan"),
    ],
)
def test_what_makes_no_export_is_wrong_use(wrong, reason):
    with pytest.raises(InputError, match=reason):
        Options(**wrong)


def test_int8_with_data_and_given_bounds_are_fine():
    options = Options(precisions=("int8",), calibration=Path("x.npy"), rtol=0.0, min_sqnr=-3.0)
    assert options.tolerances() == {"rtol": 0.0, "atol": None, "min_sqnr": -3.0}
