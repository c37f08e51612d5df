"""Rules for operators whose result has another rank or meaning than what they read."""

from typing import Any

import numpy as np
import onnx

from export.onnx_format.graph import attributes
from export.onnx_format.transposes.rule import Perm, Rule, Sunk, constant_of, sunk, untransposed


def _shape(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """The shape of the transposed tensor is the permuted shape."""
    if attributes(node):
        return None
    shape = onnx.helper.make_node(
        "Shape", [mover.origin[node.input[0]][0]], [untransposed(node.output[0])], name=node.name
    )
    order = mover.constant(f"{node.output[0]}/order", np.array(perm))
    gather = onnx.helper.make_node(
        "Gather", [shape.output[0], order], [node.output[0]], name=f"{node.name}/order"
    )
    return Sunk([shape, gather], {})


def _squeeze(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    axes = constant_of(mover, node, 1)
    if axes is None:
        return None
    gone = [perm[int(axis)] for axis in axes]
    kept = [axis for axis in perm if axis not in gone]
    name = mover.constant(f"{node.output[0]}/axes", np.array(sorted(gone)))
    left = tuple(sorted(kept).index(axis) for axis in kept)
    return sunk(node, [mover.origin[node.input[0]][0], name], left)


def _unsqueeze(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    """[batch, length, channels] as an image: channels stay second."""
    axes = constant_of(mover, node, 1)
    if axes is None or perm != (0, 2, 1) or list(axes) not in ([1], [2]):
        return None
    name = mover.constant(f"{node.output[0]}/axes", np.array([int(axes[0]) + 1]))
    return sunk(node, [mover.origin[node.input[0]][0], name], (0, 2, 3, 1))


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
        [untransposed(node.output[0])],
        name=node.name,
        kernel_shape=[1, 1],
    )
    return Sunk([convolution], {node.output[0]: (untransposed(node.output[0]), perm)})


RULES: dict[str, Rule] = {
    "MatMul": _matmul,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
}
