import re
from html.parser import HTMLParser

import pytest

from export.manifest import describe
from export.proof.comparison import compare
from export.proof.reference import Reference
from export.report import error, human_bytes, render
from tests.export.proof.test_comparison import moved, outputs

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
        "notes": [],
    }
    source = {"file": name, "sha256": "ab" * 32, "size": 1234567}
    folded = compare(reference, moved(reference, shift))
    return describe(source, fold, folded, [], Reference(()), ["mind the gap"])


def test_the_page_is_whole_and_says_what_the_manifest_says():
    page = Balanced()
    page.feed(render(manifest()))
    assert not page.open
    text = " ".join(page.text)
    for expected in ("model.keras", "1.2 MB", "ab" * 32, "bn", "folded", "scores", "mind the gap"):
        assert expected in text


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
    assert [error(figure) for figure in (1.234e-5, "inf", None)] == ["1.2e-05", "inf", "–"]
