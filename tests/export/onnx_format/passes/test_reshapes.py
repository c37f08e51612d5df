"""The target of a Reshape is a constant where only the batch is free."""

import numpy as np
from onnx import helper

from export.onnx_format.passes import reshapes
from tests.export.onnx_format.graphs import graph, node, preserved


def test_a_target_computed_from_the_batch_becomes_a_constant(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], name="shape", start=0, end=1),
        node("Concat", "shape width", "target", axis=0),
        node("Reshape", "x target", "y"),
    ]
    edited = graph(nodes, {"width": np.array([6 * 6 * 8])}, ("batch", 6, 6, 8))
    preserved(edited, reshapes.fix, tmp_path)
    assert edited.operators() == {"Reshape": 1}
    assert [list(value) for value in edited.constants.values()] == [[-1, 288]]


def test_a_target_with_two_free_dimensions_stays(tmp_path):
    nodes = [node("Shape", "z", "target"), node("Reshape", "x target", "y")]
    edited = graph(nodes, {}, ("batch", "height", 6, 8), ("x", "z"))
    preserved(edited, reshapes.fix, tmp_path)
    assert edited.operators() == {"Reshape": 1, "Shape": 1}
