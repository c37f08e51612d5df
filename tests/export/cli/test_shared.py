from pathlib import Path

import numpy as np
import pytest

from export.cli.shared import expand, show_comparisons
from export.cli.terminal import Terminal
from export.verification.comparison import Comparison, compare

RNG = np.random.default_rng(0)
TRUTH = {"y": RNG.normal(size=(4, 100))}
WRONG = {"y": 1.4 * TRUTH["y"]}


def shown(capfd, comparison):
    show_comparisons(Terminal(), {"a.onnx": comparison})
    return capfd.readouterr()


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_would_pass_does(capfd, precision):
    out = shown(capfd, compare(TRUTH, WRONG, precision=precision)).out
    assert "NOT equivalent" in out
    options = out.rpartition("would pass with ")[2].split(" or ")
    assert len(options) == (2 if precision == "float32" else 1)
    for option in options:
        name, value = option.split()
        key = name.removeprefix("--").replace("-", "_")
        assert compare(TRUTH, WRONG, precision=precision, **{key: float(value)})


def test_where_no_tolerance_helps_it_says_so(capfd):
    nan = {"y": np.full((4, 100), np.nan)}
    assert "no tolerance would pass" in shown(capfd, compare(TRUTH, nan)).out
    out = shown(capfd, compare(TRUTH, {"y": -TRUTH["y"]}, precision="int8")).out
    assert "its cosine similarity is -1.00, and 0.95 is needed" in out
    labels = {"y": np.array([1, 2])}
    assert "no tolerance would pass" in shown(capfd, compare(labels, {"y": labels["y"] + 1})).out


def test_a_right_file_has_its_figures_and_no_advice(capfd):
    out = shown(capfd, compare(TRUTH, TRUTH)).out
    assert " equivalent" in out
    assert "would pass" not in out


def test_what_no_figure_can_say_is_an_error_line(capfd):
    err = shown(capfd, Comparison(problems=("it crashed",))).err
    assert err == "error: a.onnx: it crashed\n"


def test_directories_and_manifests_stand_for_their_artefacts(tmp_path):
    for name in ("b.onnx", "a.tflite", "c.onnx", "manifest.json", "notes.txt"):
        (tmp_path / name).touch()
    expected = [tmp_path / name for name in ("b.onnx", "c.onnx", "a.tflite")]
    assert expand([tmp_path]) == expand([tmp_path / "manifest.json"]) == expected
    assert expand([Path("x.onnx")]) == [Path("x.onnx")]
