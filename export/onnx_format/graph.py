"""An ONNX graph with its constants as arrays, so that passes need not copy weights."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


@dataclass
class OnnxGraph:
    """A graph under edit.

    Attributes:
        model: the ONNX model without initializers.
        constants: every initializer, by name.
    """

    model: onnx.ModelProto
    constants: dict[str, np.ndarray]

    @classmethod
    def parse(cls, content: bytes, weights: dict[str, np.ndarray]) -> "OnnxGraph":
        """Reads a model whose inputs called as `weights` are to become constants."""
        model = onnx.load_model_from_string(content)
        graph = model.graph
        constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        del graph.initializer[:], graph.value_info[:]
        inputs = [value for value in graph.input if value.name not in weights]
        del graph.input[:]
        graph.input.extend(inputs)
        return cls(model, constants | weights)

    @property
    def nodes(self) -> Any:
        """The nodes of the main graph, in order."""
        return self.model.graph.node

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [value.name for value in self.model.graph.input]

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [value.name for value in self.model.graph.output]

    def producers(self) -> dict[str, onnx.NodeProto]:
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.output if name}

    def readers(self) -> dict[str, list[onnx.NodeProto]]:
        """The nodes that read each tensor, through their subgraphs too."""
        found: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in reads(node):
                found.setdefault(name, []).append(node)
        return found

    def replace_nodes(self, nodes: list[onnx.NodeProto]) -> None:
        """Makes `nodes` the nodes of the main graph."""
        kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del self.nodes[:]
        self.nodes.extend(kept)

    def rename(self, old: str, new: str) -> None:
        """Makes every reader of tensor `old` read `new`."""
        for node in self.nodes:
            _rename_reads(node, old, new)

    @staticmethod
    def rename_in(node: onnx.NodeProto, old: str, new: str) -> None:
        """Makes one node read `new` in the place of `old`."""
        _rename_reads(node, old, new)

    def operators(self) -> dict[str, int]:
        """How often each operator occurs, subgraphs included."""
        counts = Counter(node.op_type for node in walk(self.model.graph))
        return dict(sorted(counts.items()))


def reads(node: onnx.NodeProto) -> set[str]:
    """Names of the tensors that a node or its subgraphs read from outside."""
    names = set(node.input)
    for graph in subgraphs(node):
        inner = set().union(*(reads(n) for n in graph.node), (v.name for v in graph.output))
        made = {name for n in graph.node for name in n.output}
        made |= {value.name for value in (*graph.input, *graph.initializer)}
        names |= inner - made
    return names - {""}


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs in a node's attributes: bodies of loops, branches."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def walk(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node, subgraphs included."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from walk(inner)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _rename_reads(node: onnx.NodeProto, old: str, new: str) -> None:
    node.input[:] = [new if name == old else name for name in node.input]
    for graph in subgraphs(node):
        for inner in graph.node:
            _rename_reads(inner, old, new)
        for value in graph.output:
            if value.name == old:
                value.name = new
