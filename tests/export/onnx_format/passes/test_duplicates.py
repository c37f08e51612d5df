"""Of equal nodes and constants one stays."""

from export.onnx_format.passes import duplicates
from tests.export.onnx_format.graphs import graph, node, normal, preserved


def test_equal_nodes_and_constants_are_merged(tmp_path):
    nodes = [node("Add", "x c", "a"), node("Add", "x d", "b"), node("Mul", "a b", "y")]
    value = normal(8)
    edited = graph(nodes, {"c": value, "d": value.copy()})
    preserved(edited, duplicates.merge, tmp_path)
    assert edited.operators() == {"Add": 1, "Mul": 1} and len(edited.constants) == 1
