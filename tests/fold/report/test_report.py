"""Every reason comes with what to do, and the user sees it."""

import ast
import json
from pathlib import Path

import pytest

import fold
from fold.report.reasons import REASONS
from fold.report.report import Record, Report

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
