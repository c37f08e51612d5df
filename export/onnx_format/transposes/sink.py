"""Moves transposes down through the graph until they meet their inverse and vanish.

TensorFlow's images have their channels last, ONNX' convolutions want them first, so each
convolution comes with a transpose before and one behind it. A node that reads a transposed tensor
is made to read the tensor itself, and its result is transposed instead; `rules` says how.
"""

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes
from export.onnx_format.passes import identities
from export.onnx_format.passes.constants import drop_unread
from export.onnx_format.shapes import Shape, infer
from export.onnx_format.transposes.rule import Perm, Sunk, invert
from export.onnx_format.transposes.table import RULES

CHANNEL_MOVES: tuple[Perm, ...] = ((0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1))


def sink(graph: OnnxGraph) -> None:
    """Removes every transpose that is undone further down; the rest are merged and made cheap."""
    drop_unread(graph)
    mover = _Mover(graph, infer(graph))
    for node in list(graph.nodes):
        mover.visit(node)
    graph.replace_nodes(mover.nodes)
    identities.remove(graph)
    drop_unread(graph)


class _Mover:
    """Goes through the nodes in order and writes the new list.

    Attributes:
        nodes: the new nodes.
        origin: for each transposed tensor, what it is a transpose of and how.
    """

    def __init__(self, graph: OnnxGraph, shapes: dict[str, Shape]) -> None:
        self.graph = graph
        self.shapes = shapes
        self.nodes: list[onnx.NodeProto] = []
        self.origin: dict[str, tuple[str, Perm]] = {}
        self._made: dict[tuple[str, Perm], str] = {}
        self._wanted = {
            (node.input[0], self._order(node)) for node in graph.nodes if self._order(node)
        }

    def visit(self, node: onnx.NodeProto) -> None:
        """Takes over one node, moved above the transposes that it reads where that is possible."""
        if order := self._order(node):
            self._transpose(node.input[0], order, node.output[0])
            return
        rule = RULES.get(node.op_type)
        perm = self._perm(node)
        sunk = rule(self, node, perm) if rule and perm else None
        self._write(sunk or Sunk([node], {}))

    def transposed(self, name: str, perm: Perm) -> str | None:
        """The tensor that `name` is a transpose of, by exactly this permutation.

        Constants can always be given so; other tensors when they are small or when their inverse
        transpose is needed anyway. None where it would cost.
        """
        if name in self.graph.constants:
            return self._constant(name, perm)
        if self.origin.get(name, ("", ()))[1] == perm:
            return self.origin[name][0]
        inverse = invert(perm)
        shape = self.shapes.get(name, ())
        if len(shape) != len(perm):
            return None
        if (name, inverse) in self._made:
            return self._made[name, inverse]
        if (name, inverse) in self._wanted or sum(size != 1 for size in shape[1:]) <= 1:
            return self._transpose(name, inverse, f"{name}/{''.join(map(str, inverse))}")
        return None

    def constant(self, name: str, value: np.ndarray) -> str:
        """Adds a constant."""
        self.graph.constants[name] = value
        return name

    def _order(self, node: onnx.NodeProto) -> Perm | None:
        """The permutation of a Transpose, or of a Reshape that only moves the single channel."""
        shape = self.shapes.get(node.input[0]) if node.input else None
        if node.op_type == "Transpose":
            reverse = reversed(range(len(shape or ())))
            return tuple(attributes(node).get("perm", reverse)) or None
        if node.op_type != "Reshape" or shape is None:
            return None
        target = self.graph.constants.get(node.input[1], np.zeros(0)).tolist()
        return next((order for order in CHANNEL_MOVES if _moves_alone(shape, order, target)), None)

    def _perm(self, node: onnx.NodeProto) -> Perm | None:
        perms = [self.origin[name][1] for name in node.input if name in self.origin]
        return perms[0] if perms else None

    def _constant(self, name: str, perm: Perm) -> str | None:
        value = self.graph.constants[name]
        if value.size == 1:
            return self.constant(f"{name}/scalar", value.reshape(()))
        if value.ndim > len(perm):
            return None
        full = value.reshape((1,) * (len(perm) - value.ndim) + value.shape)
        return self.constant(f"{name}/{''.join(map(str, perm))}", full.transpose(invert(perm)))

    def _write(self, sunk: Sunk) -> None:
        self.nodes.extend(sunk.nodes)
        for result, (source, perm) in sunk.results.items():
            shape = self.shapes.get(result)
            if shape is not None:
                self.shapes[source] = tuple(shape[i] for i in invert(perm))
            self._transpose(source, perm, result)

    def _transpose(self, source: str, perm: Perm, result: str) -> str:
        """Makes `result` the transpose of `source`, by the cheapest node."""
        source, perm = self._through(source, perm)
        shape = self.shapes.get(source)
        if shape is not None:
            self.shapes.setdefault(result, tuple(shape[i] for i in perm))
        if result not in self.graph.outputs and (source, perm) in self._made:
            known = self._made[source, perm]
            self.nodes.append(onnx.helper.make_node("Identity", [known], [result], name=result))
            self.origin[result] = (source, perm)
            return result
        self.nodes.append(self._cheapest(source, perm, shape, result))
        if perm != tuple(sorted(perm)):
            self.origin[result] = (source, perm)
            self._made[source, perm] = result
        return result

    def _through(self, source: str, perm: Perm) -> tuple[str, Perm]:
        """Two transposes in a row are one."""
        if source not in self.origin:
            return source, perm
        first, before = self.origin[source]
        return first, tuple(before[i] for i in perm)

    def _cheapest(
        self, source: str, perm: Perm, shape: Shape | None, result: str
    ) -> onnx.NodeProto:
        if perm == tuple(sorted(perm)):
            return onnx.helper.make_node("Identity", [source], [result], name=result)
        if shape is not None and _keeps_order(shape, perm) and None not in shape[1:]:
            target = [-1 if shape[i] is None else shape[i] for i in perm]
            name = self.constant(f"{result}/shape", _int64(target))
            return onnx.helper.make_node("Reshape", [source, name], [result], name=result)
        return onnx.helper.make_node("Transpose", [source], [result], name=result, perm=perm)


def _keeps_order(shape: Shape, perm: Perm) -> bool:
    """True when only dimensions of one change places: the data stays as it lies in memory."""
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


def _moves_alone(shape: Shape, perm: Perm, target: list[int]) -> bool:
    """Whether reshaping to `target` is this transpose; -1 stands for any one size."""
    if len(shape) != len(perm) or len(target) != len(perm) or not _keeps_order(shape, perm):
        return False
    return all(size in (-1, shape[axis]) for size, axis in zip(target, perm, strict=True))


def _int64(values: list[int | None]) -> np.ndarray:
    return np.array(values, np.int64)
