"""Nearest resizing with the pixels that TensorFlow takes.

Neither coordinate mode of ONNX gives them: `half_pixel` differs at ties, the one made for
TensorFlow left the standard with opset 13.
"""

from typing import Any

import numpy as np
from onnx import TensorProto

from export.onnx_format.handlers.nodes import constant, make, replace


def nearest(context: Any, node: Any, name: str, args: Any) -> None:
    """Whole factors by Resize, other sizes by the index of each row and column."""
    shift = 0.5 if node.get_attr_value("half_pixel_centers") else 0.0
    shape = context.get_shape(node.input[0]) or [-1] * 4
    wanted = node.inputs[1].get_tensor_value() if node.inputs[1].is_const() else [-1, -1]
    x = make(context, "Transpose", node.input[:1], perm=[0, 3, 1, 2])
    factors = [1.0, 1.0]
    for axis, (old, new) in enumerate(zip(shape[1:3], wanted, strict=True)):
        whole = old > 0 and new > 0 and new % old == 0
        factors.append(new / old if whole else 1.0)
        if not whole:
            rows = (
                constant(context, indices(old, new, shift))
                if old > 0 and new > 0
                else _indices(context, x, node.input[1], axis, shift)
            )
            x = make(context, "Gather", [x, rows], axis=2 + axis)
    if max(factors) > 1:
        scales = constant(context, np.array(factors, np.float32))
        modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        x = make(context, "Resize", [x, "", scales], mode="nearest", **modes)
    replace(context, node, "Transpose", [x], perm=[0, 2, 3, 1])


def indices(old: int, new: int, shift: float) -> np.ndarray:
    """Which of `old` rows each of `new` takes, in float32 as TensorFlow computes it."""
    scale = np.float32(old) / np.float32(new)
    positions = np.floor((np.arange(new, dtype=np.float32) + np.float32(shift)) * scale)
    return np.asarray(np.minimum(positions, old - 1), np.int64)


def _indices(context: Any, x: str, size: str, axis: int, shift: float) -> str:
    """The same for sizes that are known when the file runs."""

    def single(value: str, at: int) -> str:
        return make(context, "Gather", [value, constant(context, np.array(at))])

    def real(value: str) -> str:
        return make(context, "Cast", [value], to=TensorProto.FLOAT)

    old = real(single(make(context, "Shape", [x]), 2 + axis))
    new = real(single(size, axis))
    zero, one = (constant(context, np.array(value, np.float32)) for value in (0, 1))
    positions = make(context, "Range", [zero, new, one])
    centers = make(context, "Add", [positions, constant(context, np.array(shift, np.float32))])
    found = make(context, "Mul", [centers, make(context, "Div", [old, new])])
    last = make(context, "Sub", [old, one])
    rows = make(context, "Min", [make(context, "Floor", [found]), last])
    return make(context, "Cast", [rows], to=TensorProto.INT64)


HANDLERS: dict[str, Any] = {"ResizeNearestNeighbor": nearest}
