"""Takes out a transpose in front of a flattening: the weights behind it change their rows.

Where [batch, channels, height, width] is transposed and then flattened to a vector per example,
the same numbers can be had in the order in which they lie there already.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes
from export.onnx_format.passes.constants import drop_unread
from export.onnx_format.shapes import Shape, infer
from export.onnx_format.transposes.elementwise import NARY, UNARY


@dataclass(frozen=True)
class Edit:
    """A constant whose axis is to be read in another order.

    Attributes:
        node: what reads it.
        index: as which input.
        axis: of the constant.
        order: for each position on the axis now, its position afterwards.
    """

    node: onnx.NodeProto
    index: int
    axis: int
    order: np.ndarray


def absorb(graph: OnnxGraph) -> None:
    """Flattens without the transpose wherever all that follows can take the elements in any order.

    That is a matrix product with a constant, behind operations on single elements and behind
    concatenations.
    """
    walk = _Walk(graph, infer(graph))
    producers = graph.producers()
    for node in graph.nodes:
        before = producers.get(node.input[0]) if node.op_type == "Reshape" else None
        if before is None or before.op_type != "Transpose":
            continue
        shapes = [walk.shapes.get(name, ()) for name in (before.input[0], node.output[0])]
        order = _order(before, *shapes)
        edits = None if order is None else walk.edits(node.output[0], order)
        if edits is None:
            continue
        for edit in edits:
            _apply(graph, edit)
        node.input[0] = before.input[0]
    drop_unread(graph)


def _order(transpose: onnx.NodeProto, shape: Shape, result: Shape) -> np.ndarray | None:
    """For each element of the flattened transposed tensor its place in the flattened tensor."""
    perm = attributes(transpose).get("perm")
    size = [extent for extent in shape[1:] if extent is not None]
    whole = len(size) == len(shape) - 1
    if not perm or perm[0] != 0 or not whole or result[1:] != (prod(size),):
        return None
    return np.arange(prod(size)).reshape(size).transpose([axis - 1 for axis in perm[1:]]).ravel()


class _Walk:
    """Follows a tensor [batch, elements] to everything that reads it."""

    def __init__(self, graph: OnnxGraph, shapes: dict[str, Shape]) -> None:
        self.shapes = shapes
        self._graph = graph
        self._readers = graph.readers()

    def edits(self, name: str, order: np.ndarray) -> list[Edit] | None:
        """What has to change when the elements of `name` come as `order` says; None if it can't."""
        if name in self._graph.outputs:
            return None
        found: list[Edit] = []
        for node in self._readers.get(name, ()):
            further = self._through(node, name, order)
            if further is None:
                return None
            found += further
        return found

    def _through(self, node: onnx.NodeProto, name: str, order: np.ndarray) -> list[Edit] | None:
        if node.op_type in ("MatMul", "Gemm"):
            return self._product(node, name, order)
        if node.op_type in UNARY and node.input[0] == name:
            return self.edits(node.output[0], order)
        if node.op_type in NARY:
            return self._elementwise(node, name, order)
        if node.op_type == "Concat":
            return self._concatenation(node, name, order)
        return None

    def _product(self, node: onnx.NodeProto, name: str, order: np.ndarray) -> list[Edit] | None:
        given = attributes(node)
        if node.input[0] != name or given.get("transA") or self._rank(node.input[1]) != 2:
            return None
        return [Edit(node, 1, 1 if given.get("transB") else 0, order)]

    def _elementwise(self, node: onnx.NodeProto, name: str, order: np.ndarray) -> list[Edit] | None:
        others = [index for index, other in enumerate(node.input) if other != name]
        if any(self._rank(node.input[index]) is None for index in others):
            return None
        values = {index: self._graph.constants[node.input[index]] for index in others}
        wide = {index: value for index, value in values.items() if value.size > 1}
        further = self.edits(node.output[0], order)
        fits = all({v.size, v.shape[-1]} == {len(order)} for v in wide.values())
        if further is None or not fits:
            return None
        return [*(Edit(node, index, v.ndim - 1, order) for index, v in wide.items()), *further]

    def _concatenation(
        self, node: onnx.NodeProto, name: str, order: np.ndarray
    ) -> list[Edit] | None:
        if attributes(node)["axis"] not in (1, -1):
            return None
        parts, start = [], 0
        for each in node.input:
            width = self.shapes.get(each, (None,))[-1]
            if width is None:
                return None
            parts.append(start + (order if each == name else np.arange(width)))
            start += width
        return self.edits(node.output[0], np.concatenate(parts))

    def _rank(self, name: str) -> int | None:
        value = self._graph.constants.get(name)
        return None if value is None else value.ndim


def _apply(graph: OnnxGraph, edit: Edit) -> None:
    name = edit.node.input[edit.index]
    moved = np.take(graph.constants[name], np.argsort(edit.order), axis=edit.axis)
    edit.node.input[edit.index] = f"{edit.node.output[0]}/{edit.index}/ordered"
    graph.constants[edit.node.input[edit.index]] = moved
