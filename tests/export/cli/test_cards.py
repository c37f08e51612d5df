import numpy as np
import pytest

from export.base.errors import ConversionError, NotEquivalent
from export.cli.cards import CELLS, Card, card_of, show_cards, verified
from export.cli.terminal import Terminal
from export.conversion.outcome import Outcome
from export.verification.comparison import Comparison, compare

RNG = np.random.default_rng(0)
TRUTH = {"y": RNG.normal(size=(4, 100))}
WRONG = {"y": 1.4 * TRUTH["y"]}


def shown(capfd, comparison):
    show_cards(Terminal(), [verified("a.onnx", comparison)])
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
    assert "would pass with --min-sqnr -7" in out
    labels = {"y": np.array([1, 2])}
    assert "no tolerance would pass" in shown(capfd, compare(labels, {"y": labels["y"] + 1})).out


def test_a_right_file_has_its_figures_and_no_advice(capfd):
    out = shown(capfd, compare(TRUTH, TRUTH)).out
    assert "\nequivalent " in out and "NOT" not in out
    assert "would pass" not in out


def test_a_file_that_never_ran_has_a_verdict_without_figures(capfd):
    assert "NOT equivalent" in shown(capfd, Comparison(problems=("it crashed",))).out


def test_a_line_for_each_file_fits_80_columns_and_crops_the_name(capfd, monkeypatch):
    terminal = Terminal()
    terminal.out.width = 80
    name = "a_model_with_a_rather_long_name_indeed.dynamic_int8.tflite"
    measures = {"size": "123.4 MB", "ops": "1234", "time": "1234.5 s"}
    right = compare(TRUTH, TRUTH, original=TRUTH)
    show_cards(terminal, [Card(name, "NOT equivalent", right, measures)])
    lines = capfd.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (line,) = [line for line in lines if "a_model" in line]
    assert "…" in line and all(each in line for each in ("NOT equivalent", *measures.values()))


def test_the_bar_grows_with_the_error_beyond_the_mark_of_the_originals_own(capfd):
    own = {"y": TRUTH["y"] + 1e-6}
    cards = [
        verified(f"{error}.onnx", compare(TRUTH, {"y": TRUTH["y"] + error}, original=own))
        for error in (1e-7, 1e-6, 1e-3)
    ]
    show_cards(Terminal(), cards)
    lines = [line for line in capfd.readouterr().out.splitlines() if ".onnx " in line]
    cells = [line.count("━") for line in lines]
    assert cells == sorted(set(cells)) and cells[-1] <= CELLS
    assert len({line.index("┃") for line in lines}) == 1


def test_the_bar_of_what_is_no_number_is_full(capfd):
    cards = [verified("a.onnx", compare(TRUTH, {"y": np.full((4, 100), np.nan)}))]
    show_cards(Terminal(), cards)
    (line,) = [line for line in capfd.readouterr().out.splitlines() if "a.onnx  " in line]
    assert line.count("━") == CELLS - 1 and line.endswith("inf")


@pytest.mark.parametrize("layer", ["", "huge"])
def test_a_failure_says_which_layer_and_then_what_would_let_it_pass(capfd, layer):
    error = NotEquivalent("it differs")
    error.layer, error.comparison = layer, compare(TRUTH, WRONG, labels=["normal"] * 3 + ["large"])
    outcome = Outcome("a.onnx", "onnx", "float32", comparison=error.comparison, error=error)
    show_cards(Terminal(), [card_of(outcome)])
    *_, where, advice = lines = capfd.readouterr().out.splitlines()
    assert any("layer 'huge' is the first" in line for line in lines) == bool(layer)
    assert ("output 'y', worst in example" in where and "(normal)" in where) or "(large)" in where
    assert "would pass with --atol" in advice


def test_a_failed_conversion_says_why(capfd):
    error = ConversionError("layer 'x' can't")
    show_cards(Terminal(), [card_of(Outcome("a.onnx", "onnx", "float32", error=error))])
    assert "a.onnx: layer 'x' can't" in capfd.readouterr().out
