"""Merges equal constants and equal nodes; of two, the first in the graph's order stays."""

import onnx

from export.onnx_format.graph import OnnxGraph, reads, subgraphs
from export.onnx_format.passes.constants import RANDOM, drop_unread

SMALL = 4096


def merge(graph: OnnxGraph) -> None:
    """Makes every node read the first of equal tensors."""
    drop_unread(graph)
    first: dict[object, str] = {}
    same: dict[str, str] = {}
    outputs = set(graph.outputs)
    for node in graph.nodes:
        for name in node.input:
            if name in graph.constants and name not in same:
                same[name] = first.setdefault(_value(graph, name), name)
        node.input[:] = [same.get(name, name) for name in node.input]
        key = _key(node)
        if key is None or not outputs.isdisjoint(node.output):
            continue
        for index, name in enumerate(node.output):
            same[name] = first.setdefault((*key, index), name)
    for node in graph.nodes:
        for old in reads(node) - set(node.input):
            graph.rename_in(node, old, same.get(old, old))
    drop_unread(graph)


def _value(graph: OnnxGraph, name: str) -> object:
    value = graph.constants[name]
    return (value.dtype, value.shape, value.tobytes()) if value.nbytes <= SMALL else name


def _key(node: onnx.NodeProto) -> tuple[object, ...] | None:
    if node.op_type in RANDOM or any(True for _ in subgraphs(node)):
        return None
    given = sorted(a.SerializeToString(deterministic=True) for a in node.attribute)
    return node.op_type, node.domain, tuple(node.input), tuple(given)
