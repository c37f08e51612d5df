"""TensorFlow operators that tf2onnx does not know, written with those of ONNX."""

from typing import Any

import numpy as np
import tf2onnx
from onnx import TensorProto

from export.onnx_format.handlers.nodes import constant, make, replace


def erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """The complementary error function, which ONNX has not: 1 - erf(x)."""
    erf = make(context, "Erf", node.input)
    replace(context, node, "Sub", [_one(context, node), erf])


def expm1(context: Any, node: Any, name: str, args: Any) -> None:
    """e^x - 1."""
    power = make(context, "Exp", node.input)
    replace(context, node, "Sub", [power, _one(context, node)])


def log1p(context: Any, node: Any, name: str, args: Any) -> None:
    """The logarithm of 1 + x."""
    replace(context, node, "Log", [make(context, "Add", [node.input[0], _one(context, node)])])


def bucketize(context: Any, node: Any, name: str, args: Any) -> None:
    """The index of the bin: how many boundaries are at most x."""
    boundaries = np.array(node.get_attr("boundaries").floats, np.float32)
    single = make(context, "Cast", node.input, to=TensorProto.FLOAT)
    column = make(context, "Unsqueeze", [single, constant(context, np.array([-1]))])
    reached = make(context, "GreaterOrEqual", [column, constant(context, boundaries)])
    counted = make(context, "Cast", [reached], to=TensorProto.INT32)
    last = constant(context, np.array([-1]))
    replace(context, node, "ReduceSum", [counted, last], keepdims=0)


HANDLERS: dict[str, Any] = {
    "Erfc": erfc,
    "Expm1": expm1,
    "Log1p": log1p,
    "Bucketize": bucketize,
}


def _one(context: Any, node: Any) -> str:
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
    return constant(context, np.ones((), dtype))
