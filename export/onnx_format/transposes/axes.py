"""Rules for operators that name axes, or say something of each."""

from typing import Any

import numpy as np
import onnx

from export.onnx_format.graph import attributes
from export.onnx_format.transposes.rule import (
    Perm,
    Rule,
    Sunk,
    constant_of,
    invert,
    set_attributes,
    sunk,
)


def _along_axis(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """Concat takes all its inputs so; Split and Softmax their first."""
    first = node.input if node.op_type == "Concat" else node.input[:1]
    inputs = [mover.transposed(name, perm) for name in first]
    if None in inputs or any(name in mover.graph.constants for name in first):
        return None
    axis = attributes(node).get("axis", -1 if "Softmax" in node.op_type else 0)
    result = sunk(node, [*inputs, *node.input[len(first) :]], perm)
    set_attributes(result.nodes[0], axis=perm[axis])
    return result


def _reduce(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    given = attributes(node)
    axes = given.get("axes", constant_of(mover, node, 1))
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
    result = sunk(node, inputs, left)
    if "axes" in given:
        set_attributes(result.nodes[0], axes=reduced)
    return result


def _pad(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    pads = constant_of(mover, node, 1)
    if pads is None or len(node.input) > 3 or len(pads) != 2 * len(perm):
        return None
    moved = pads.reshape(2, -1)[:, invert(perm)].reshape(-1)
    name = mover.constant(f"{node.output[0]}/pads", moved)
    return sunk(node, [mover.origin[node.input[0]][0], name, *node.input[2:]], perm)


def _slice(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    axes = constant_of(mover, node, 3)
    if axes is None:
        return None
    moved = mover.constant(f"{node.output[0]}/axes", np.array([perm[int(a)] for a in axes]))
    inputs = [mover.origin[node.input[0]][0], *node.input[1:3], moved, *node.input[4:]]
    return sunk(node, inputs, perm)


def _per_axis(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """Resize and Tile: their last input has one entry per axis; Resize may have empty ones."""
    last = len(node.input) - 1
    value = constant_of(mover, node, last)
    if value is None or len(value) != len(perm) or "axes" in attributes(node):
        return None
    if any(
        name and constant_of(mover, node, i + 1) is None for i, name in enumerate(node.input[1:])
    ):
        return None
    moved = mover.constant(f"{node.output[0]}/per_axis", value[list(invert(perm))])
    return sunk(node, [mover.origin[node.input[0]][0], *node.input[1:last], moved], perm)


REDUCE = [f"Reduce{kind}" for kind in ("L1", "L2", "Max", "Mean", "Min", "Prod", "Sum")]
RULES: dict[str, Rule] = {
    **dict.fromkeys(REDUCE, _reduce),
    **dict.fromkeys(("Concat", "Split", "Softmax", "LogSoftmax"), _along_axis),
    **dict.fromkeys(("Resize", "Tile"), _per_axis),
    "Pad": _pad,
    "Slice": _slice,
}
