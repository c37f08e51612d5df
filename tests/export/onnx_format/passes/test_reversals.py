"""Axes that are reversed twice are not reversed; others stay as they are."""

import numpy as np
import pytest

from export.onnx_format.passes import reversals
from tests.export.onnx_format.graphs import graph, node, preserved

LIMITS = {
    "from": np.array([-1]),
    "to": np.array([-(2**62)]),
    "first": np.array([1]),
    "other": np.array([2]),
    "back": np.array([-1]),
    "skip": np.array([-2]),
}


def reversal(source, target, axis="first", step="back"):
    return node("Slice", f"{source} from to {axis} {step}", target)


@pytest.mark.parametrize(
    ("second", "left"),
    [({}, 0), ({"axis": "other"}, 2), ({"step": "skip"}, 2)],
)
def test_only_equal_ones_cancel(second, left, tmp_path):
    nodes = [reversal("x", "a"), reversal("a", "b", **second), node("Relu", "b", "y")]
    edited = graph(nodes, LIMITS)
    preserved(edited, reversals.cancel, tmp_path)
    assert edited.operators().get("Slice", 0) == left


def test_the_first_stays_where_others_read_it(tmp_path):
    nodes = [reversal("x", "a"), reversal("a", "b"), node("Add", "a b", "y")]
    edited = graph(nodes, LIMITS)
    preserved(edited, reversals.cancel, tmp_path)
    assert edited.operators()["Slice"] == 1
