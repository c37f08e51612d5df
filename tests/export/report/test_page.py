import re
from html.parser import HTMLParser

import pytest
from msgspec import to_builtins

from export.base.human_bytes import human_bytes
from export.loading.private_copy import Source
from export.publishing.manifest import describe_export
from export.publishing.schema import plain
from export.report.page import batch, bounds, error, render
from export.verification.comparison import compare
from export.verification.precisions import tolerances
from export.verification.reference import Reference
from fold.report.reasons import REASONS
from fold.report.report import Record, Report
from tests.export.verification.test_comparison import moved, outputs

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, and collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def manifest(name="model.keras", shift=0.0, layer="bn"):
    reference = outputs()
    fold = {
        "counts": {"folded": 1, "reduced": 0, "kept": 0},
        "batch_norms": [
            {"name": layer, "status": "folded", "into": ["conv"], "code": "hoisted", "reason": "in"}
        ],
        "preprocessing": [],
        "advice": [],
        "notes": [],
    }
    source = Source(name, "ab" * 32, 1234567)
    folded = compare(reference, moved(reference, shift))
    return plain(describe_export(source, fold, folded, [], Reference(()), ["mind the gap"]))


def test_the_page_is_whole_and_says_what_the_manifest_says():
    page = Balanced()
    page.feed(render(manifest()))
    assert not page.open
    text = " ".join(page.text)
    for expected in ("model.keras", "1.2 MB", "ab" * 32, "bn", "folded", "scores", "mind the gap"):
        assert expected in text


def test_the_page_shows_what_is_allowed_and_what_would_pass():
    page = Balanced()
    page.feed(render(manifest(shift=0.5)))
    figures = compare(outputs(), moved(outputs(), 0.5)).outputs["scores"]
    text = " ".join(page.text)
    for number in (figures.passing_rtol, figures.passing_atol, figures.max_abs):
        assert f"{number:.1e}" in text
    assert f"{100 * figures.excess:.0f} %" in text


def test_what_passes_needs_no_tolerance():
    right = compare(outputs(), outputs())
    content = manifest() | {"folded": right.to_dict()}
    artifact = {
        "path": "model.onnx", "precision": "float32", "size": 9, "operators": {"Conv": 2},
        "batch": None, "opset": 17, "ir_version": 8, "verification": right.to_dict(),
    }  # fmt: skip
    page = " ".join(render(content | {"artifacts": [artifact]}).split())
    assert page.count('<td class="n">–</td><td class="n">–</td>') >= 2
    assert "passes where |file - truth| &lt;= max(1e-05 * rms + 0.0001 * |truth|" in page


def test_a_failure_is_on_the_page_with_its_layer_and_reason():
    failure = {
        "path": "model.float16.onnx", "format": "onnx", "precision": "float16", "exit_code": 1,
        "error": "it <differs>", "layer": "huge", "verification": None,
    }  # fmt: skip
    page = render(manifest() | {"failed": [failure]})
    assert "<td>huge</td><td>it &lt;differs&gt;</td>" in page


def test_opset_and_ir_version_are_on_the_page():
    content = manifest()
    artifact = {
        "path": "model.onnx", "precision": "float32", "size": 9, "operators": {"Conv": 2},
        "batch": None, "opset": 17, "ir_version": 8, "verification": content["folded"],
    }  # fmt: skip
    page = render(content | {"artifacts": [artifact]})
    assert "17, 8</td>" in page
    assert "rtol 1e-04, atol 1e-05" in page


def test_the_advice_for_every_reason_is_on_the_page():
    records = [Record(f"bn_{code}", "kept", (), code, "kept") for code in REASONS]
    page = Balanced()
    page.feed(render(manifest() | {"fold": Report(tuple(records)).to_dict()}))
    text = " ".join(page.text)
    for code, reason in REASONS.items():
        assert not reason.advice or f"bn_{code}: {reason.advice}" in text


def test_the_page_needs_nothing_from_elsewhere():
    page = render(manifest())
    assert not re.search(r"https?:|src=|url\(|<script|<link|@import", page)


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7 * 7 }}"])
def test_names_from_the_model_are_text(evil):
    page = render(manifest(name=evil, layer=evil))
    assert "<script" not in page
    assert "<img" not in page
    assert ">49<" not in page


def test_figures_that_are_not_finite_are_shown():
    assert "inf" in render(manifest(shift=float("nan")))


def test_short_forms():
    assert [human_bytes(n) for n in (12, 1234, 1234567, 5 * 10**9)] == [
        "12 B", "1.2 kB", "1.2 MB", "5.0 GB"
    ]  # fmt: skip
    assert batch(["normal"] + ["given"] * 3) == "normal, 3 given"
    assert bounds(to_builtins(tolerances("int8"))) == "SQNR 10 dB"
    assert [error(figure) for figure in (1.234e-5, "inf", None, 0.0)] == [
        "1.2e-05",
        "inf",
        "–",
        "0",
    ]
