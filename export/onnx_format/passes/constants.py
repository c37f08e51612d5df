"""Computes now what depends on constants alone, and drops what nothing reads."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from export.onnx_format.graph import OnnxGraph, attributes, reads, subgraphs

GROWTH = 4096
RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial")


def fold_constants(graph: OnnxGraph) -> None:
    """Replaces nodes that read constants only by their results.

    A result that is larger than what it was made from stays a node, unless it is small.
    """
    drop_unread(graph)
    outputs, kept = set(graph.outputs), []
    for node in graph.nodes:
        if outputs.isdisjoint(node.output) and _foldable(graph, node):
            results = evaluate(graph, node)
            size = sum(graph.constants[name].nbytes for name in node.input if name)
            if sum(result.nbytes for result in results) <= max(size, GROWTH):
                graph.constants.update(zip(node.output, results, strict=True))
                continue
        kept.append(node)
    graph.replace_nodes(kept)
    drop_unread(graph)


def drop_unread(graph: OnnxGraph) -> None:
    """Removes nodes and constants that no output depends on, and orders the rest.

    The order is that of a depth-first walk from the outputs: the same graph always gives the same.
    """
    producers, ordered, done = graph.producers(), [], set()

    def visit(name: str) -> None:
        stack = [(name, False)]
        while stack:
            tensor, ready = stack.pop()
            node = producers.get(tensor)
            if node is None or id(node) in done:
                continue
            if ready:
                done.add(id(node))
                ordered.append(node)
                continue
            stack.append((tensor, True))
            stack.extend((n, False) for n in reversed(_reads_in_order(node)))

    for name in graph.outputs:
        visit(name)
    graph.replace_nodes(ordered)
    needed = set().union(*(reads(node) for node in graph.nodes), graph.outputs)
    graph.constants = {name: v for name, v in graph.constants.items() if name in needed}


def _reads_in_order(node: onnx.NodeProto) -> list[str]:
    return [*node.input, *sorted(reads(node) - set(node.input))]


def _foldable(graph: OnnxGraph, node: onnx.NodeProto) -> bool:
    if node.op_type in RANDOM or any(True for _ in subgraphs(node)):
        return False
    known = onnx.defs.has(node.op_type, node.domain)
    return known and all(n in graph.constants for n in node.input if n)


def evaluate(graph: OnnxGraph, node: onnx.NodeProto) -> list[np.ndarray]:
    """What a node makes that reads constants alone."""
    if node.op_type == "Transpose":
        order = attributes(node).get("perm")
        return [np.ascontiguousarray(np.transpose(graph.constants[node.input[0]], order))]
    if node.op_type == "Identity":
        return [graph.constants[node.input[0]]]
    feeds = {name: graph.constants[name] for name in node.input if name}
    evaluator = ReferenceEvaluator(_single(graph, node))
    return [np.asarray(result) for result in evaluator.run(None, feeds)]


def _single(graph: OnnxGraph, node: onnx.NodeProto) -> onnx.ModelProto:
    """A model of this one node."""
    names = dict.fromkeys(name for name in node.input if name)
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(graph.constants[name].dtype), None
        )
        for name in names
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
    single = onnx.helper.make_graph([node], "single", inputs, outputs)
    return onnx.helper.make_model(single, opset_imports=graph.model.opset_import)
