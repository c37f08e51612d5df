"""Takes out axes that are reversed twice, as between a backward layer and its merge."""

import numpy as np
from onnx import NodeProto

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes.constants import drop_unread


def cancel(graph: OnnxGraph) -> None:
    """Readers of the second of two equal reversals read what the first does."""
    producers = graph.producers()
    for node in graph.nodes:
        first = producers.get(node.input[0]) if node.input else None
        if first is None or not _is_reversal(graph, node) or node.output[0] in graph.outputs:
            continue
        if _is_reversal(graph, first) and _axes(graph, node) == _axes(graph, first):
            graph.rename(node.output[0], first.input[0])
    drop_unread(graph)


def _is_reversal(graph: OnnxGraph, node: NodeProto) -> bool:
    """Whether the node is a Slice from the end to the start in steps of -1."""
    if node.op_type != "Slice" or len(node.input) != 5:
        return False
    if not all(name in graph.constants for name in node.input[1:]):
        return False
    starts, ends, _, steps = (graph.constants[name] for name in node.input[1:])
    return bool((starts == -1).all() and (ends < -(2**31)).all() and (steps == -1).all())


def _axes(graph: OnnxGraph, node: NodeProto) -> list[int]:
    return [int(axis) for axis in np.sort(graph.constants[node.input[3]])]
