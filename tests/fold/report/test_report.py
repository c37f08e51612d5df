"""Every reason comes with what to do, and the user sees it."""

import ast
import json
from html import unescape
from pathlib import Path

import keras
import numpy as np
import pytest

import fold
from fold.report.reasons import REASONS
from fold.report.report import Record, Report
from sample_models.batch_norms import randomise

NOTHING_LEFT = {"hoisted", "sunk", "split", "merged"}
LEFT = sorted(REASONS.keys() - NOTHING_LEFT)


def report_of(*codes, name="bn"):
    return Report(tuple(Record(f"{name}_{code}", "kept", (), code, "kept") for code in codes))


def literals(path):
    return {node.value for node in ast.walk(ast.parse(path.read_text())) if is_text(node)}


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("code", LEFT)
def test_a_reason_for_which_something_is_left_tells_what_to_do(code):
    report = report_of(code)
    (advice,) = report.advice
    assert advice.names == (f"bn_{code}",) and advice.text == REASONS[code].advice
    assert f"bn_{code}: {REASONS[code].advice}" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["advice"][0]["text"] == advice.text


@pytest.mark.parametrize("code", sorted(NOTHING_LEFT))
def test_what_went_needs_no_advice(code):
    assert not report_of(code).advice


def test_advice_is_given_once_for_all_layers_that_it_is_for():
    records = [Record(f"bn_{n}", "kept", (), "padding", "kept") for n in (0, 1, 2, 3, 4, 0)]
    (advice,) = Report(tuple(records)).advice
    assert advice.names == ("bn_0", "bn_1", "bn_2", "bn_3", "bn_4")
    assert str(advice).startswith("bn_0, bn_1, bn_2 and 2 more: Use padding=")


def test_every_reason_is_one_that_fold_gives():
    sources = [p for p in Path(fold.__file__).parent.rglob("*.py") if p.name != "reasons.py"]
    assert REASONS.keys() <= set().union(*map(literals, sources))


def test_counts_are_in_words():
    assert report_of("padding").summary == "1 batch norm: 0 folded, 0 reduced, 1 kept"
    assert report_of("padding", "mask").summary.startswith("2 batch norms: ")


def test_a_notebook_shows_the_table_as_text():
    page = report_of("padding", name="<b>")._repr_html_()
    assert "<td>&lt;b&gt;_padding</td>" in page and "1 batch norm:" in page
    assert REASONS["padding"].advice in unescape(page)


def fresh_norms(count):
    x = y = keras.Input((4,))
    for at in range(count):
        y = keras.layers.BatchNormalization(name=f"bn_{at}")(keras.layers.Dense(3)(y))
    return fold.fold_batch_norms(keras.Model(x, y)).report.notes


def test_untrained_statistics_are_one_warning():
    assert fresh_norms(1) == ("the statistics of 'bn_0' are untouched: was it trained?",)
    (note,) = fresh_norms(5)
    assert note.startswith("the statistics of 'bn_0', 'bn_1', 'bn_2' and 2 more are untouched")


def test_what_is_reduced_says_what_is_left_where_and_what_stood_in_the_way():
    x = keras.Input((8, 8, 3))
    y = keras.layers.MaxPooling2D(name="pool")(keras.layers.ZeroPadding2D(name="pad")(x))
    y = keras.layers.BatchNormalization(name="bn")(y)
    y = keras.layers.Conv2D(2, 1, name="conv")(keras.layers.ReLU(name="act")(y))
    model = randomise(keras.Model(x, y))
    gamma = model.get_layer("bn").gamma
    gamma.assign(np.abs(gamma.numpy()) + 0.5)
    (record,) = fold.fold_batch_norms(model).report
    assert (record.status, record.code) == ("reduced", "shift_left")
    assert record.reason.startswith("a shift is left in 'bn', the rest is in conv; before it, ")
