"""What is constant is computed, what is unread is dropped."""

from export.onnx_format.passes import constants
from tests.export.onnx_format.graphs import graph, node, normal, preserved


def test_constants_are_computed_and_unread_nodes_dropped(tmp_path):
    nodes = [
        node("Transpose", "w", "t", perm=[1, 0]),
        node("MatMul", "x t", "y"),
        node("Relu", "x", "unread"),
    ]
    edited = graph(nodes, {"w": normal(4, 8)})
    preserved(edited, constants.fold_constants, tmp_path)
    assert edited.operators() == {"MatMul": 1}
