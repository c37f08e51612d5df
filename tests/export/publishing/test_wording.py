import numpy as np

from export.publishing.wording import complaint_of
from export.verification.comparison import Comparison, compare


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
