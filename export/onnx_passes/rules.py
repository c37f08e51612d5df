"""How each operator reads the tensor above a transpose in place of the transposed one.

A rule is `rule(mover, node, perm)`: some input of `node` is a transpose by `perm`. It answers with
the node that reads what was transposed and how the old results follow from the new, or with None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from export.onnx_passes.graph import attributes

Perm = tuple[int, ...]


@dataclass(frozen=True)
class Sunk:
    """Nodes above the transpose; for each old result, the new tensor and its permutation."""

    nodes: list[onnx.NodeProto]
    results: dict[str, tuple[str, Perm]]


Rule = Callable[[Any, onnx.NodeProto, Perm], Sunk | None]


def invert(perm: Perm) -> Perm:
    """The permutation that undoes `perm`."""
    return tuple(int(i) for i in np.argsort(perm))


def above(name: str) -> str:
    """What the tensor above the transpose is called."""
    return f"{name}/above"


def _unary(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    return _sunk(node, [mover.origin[node.input[0]][0], *node.input[1:]], perm)


def _nary(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    inputs = [mover.transposed(name, perm) for name in node.input]
    return None if None in inputs else _sunk(node, inputs, perm)


def _along_axis(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """Concat takes all its inputs so; Split and Softmax their first."""
    first = node.input if node.op_type == "Concat" else node.input[:1]
    inputs = [mover.transposed(name, perm) for name in first]
    if None in inputs or any(name in mover.graph.constants for name in first):
        return None
    axis = attributes(node).get("axis", -1 if "Softmax" in node.op_type else 0)
    sunk = _sunk(node, [*inputs, *node.input[len(first) :]], perm)
    _set(sunk.nodes[0], axis=perm[axis])
    return sunk


def _reduce(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    given = attributes(node)
    axes = given.get("axes", _constant(mover, node, 1))
    if axes is None:
        return None
    reduced = sorted(perm[int(axis)] for axis in axes)
    inputs = [mover.origin[node.input[0]][0]]
    if "axes" not in given:
        inputs.append(mover.constant(f"{node.output[0]}/axes", np.array(reduced)))
    left = perm
    if not given.get("keepdims", 1):
        kept = [axis for axis in perm if axis not in reduced]
        left = tuple(sorted(kept).index(axis) for axis in kept)
    sunk = _sunk(node, inputs, left)
    if "axes" in given:
        _set(sunk.nodes[0], axes=reduced)
    return sunk


def _pad(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    pads = _constant(mover, node, 1)
    if pads is None or len(node.input) > 3 or len(pads) != 2 * len(perm):
        return None
    moved = pads.reshape(2, -1)[:, invert(perm)].reshape(-1)
    name = mover.constant(f"{node.output[0]}/pads", moved)
    return _sunk(node, [mover.origin[node.input[0]][0], name, *node.input[2:]], perm)


def _slice(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    axes = _constant(mover, node, 3)
    if axes is None:
        return None
    moved = mover.constant(f"{node.output[0]}/axes", np.array([perm[int(a)] for a in axes]))
    inputs = [mover.origin[node.input[0]][0], *node.input[1:3], moved, *node.input[4:]]
    return _sunk(node, inputs, perm)


def _per_axis(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """Resize and Tile: their last input has one entry per axis; Resize may have empty ones."""
    last = len(node.input) - 1
    value = _constant(mover, node, last)
    if value is None or len(value) != len(perm) or "axes" in attributes(node):
        return None
    if any(name and _constant(mover, node, i + 1) is None for i, name in enumerate(node.input[1:])):
        return None
    moved = mover.constant(f"{node.output[0]}/per_axis", value[list(invert(perm))])
    return _sunk(node, [mover.origin[node.input[0]][0], *node.input[1:last], moved], perm)


def _shape(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """The shape of the transposed tensor is the permuted shape."""
    if attributes(node):
        return None
    shape = onnx.helper.make_node(
        "Shape", [mover.origin[node.input[0]][0]], [above(node.output[0])], name=node.name
    )
    order = mover.constant(f"{node.output[0]}/order", np.array(perm))
    gather = onnx.helper.make_node(
        "Gather", [shape.output[0], order], [node.output[0]], name=f"{node.name}/order"
    )
    return Sunk([shape, gather], {})


def _squeeze(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    axes = _constant(mover, node, 1)
    if axes is None:
        return None
    gone = [perm[int(axis)] for axis in axes]
    kept = [axis for axis in perm if axis not in gone]
    name = mover.constant(f"{node.output[0]}/axes", np.array(sorted(gone)))
    left = tuple(sorted(kept).index(axis) for axis in kept)
    return _sunk(node, [mover.origin[node.input[0]][0], name], left)


def _unsqueeze(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """[batch, length, channels] as an image: channels stay second."""
    axes = _constant(mover, node, 1)
    if axes is None or perm != (0, 2, 1) or list(axes) not in ([1], [2]):
        return None
    name = mover.constant(f"{node.output[0]}/axes", np.array([int(axes[0]) + 1]))
    return _sunk(node, [mover.origin[node.input[0]][0], name], (0, 2, 3, 1))


def _matmul(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """A matrix applied to the channels of an image is a 1x1 convolution."""
    kernel = mover.graph.constants.get(node.input[1])
    if perm != (0, 2, 3, 1) or kernel is None or kernel.ndim != 2:
        return None
    name = mover.constant(
        f"{node.output[0]}/kernel", np.ascontiguousarray(kernel.T)[:, :, None, None]
    )
    convolution = onnx.helper.make_node(
        "Conv",
        [mover.origin[node.input[0]][0], name],
        [above(node.output[0])],
        name=node.name,
        kernel_shape=[1, 1],
    )
    return Sunk([convolution], {node.output[0]: (above(node.output[0]), perm)})


def _sunk(node: onnx.NodeProto, inputs: Sequence[str], perm: Perm) -> Sunk:
    moved = onnx.NodeProto()
    moved.CopyFrom(node)
    moved.input[:] = inputs
    moved.output[:] = [above(name) for name in node.output]
    return Sunk([moved], {name: (above(name), perm) for name in node.output})


def _constant(mover: Any, node: onnx.NodeProto, place: int) -> np.ndarray | None:
    return mover.graph.constants.get(node.input[place]) if len(node.input) > place else None


def _set(node: onnx.NodeProto, **values: Any) -> None:
    kept = [a for a in node.attribute if a.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in values.items())


UNARY = [
    "Abs",
    "Cast",
    "Ceil",
    "Clip",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tanh",
]
NARY = [
    "Add",
    "And",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
]
REDUCE = [f"Reduce{kind}" for kind in ("L1", "L2", "Max", "Mean", "Min", "Prod", "Sum")]
RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(NARY, _nary),
    **dict.fromkeys(REDUCE, _reduce),
    **dict.fromkeys(("Concat", "Split", "Softmax", "LogSoftmax"), _along_axis),
    **dict.fromkeys(("Resize", "Tile"), _per_axis),
    "MatMul": _matmul,
    "Pad": _pad,
    "Shape": _shape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
}
