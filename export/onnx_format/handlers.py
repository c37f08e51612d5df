"""TensorFlow operators that tf2onnx does not know, written with those of ONNX."""

from typing import Any

import numpy as np
import tf2onnx
from onnx import TensorProto


def erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """The complementary error function, which ONNX has not: 1 - erf(x)."""
    erf = _node(context, "Erf", node.input)
    _replace(context, node, "Sub", [_one(context, node), erf])


def expm1(context: Any, node: Any, name: str, args: Any) -> None:
    """e^x - 1."""
    power = _node(context, "Exp", node.input)
    _replace(context, node, "Sub", [power, _one(context, node)])


def log1p(context: Any, node: Any, name: str, args: Any) -> None:
    """The logarithm of 1 + x."""
    _replace(context, node, "Log", [_node(context, "Add", [node.input[0], _one(context, node)])])


def bucketize(context: Any, node: Any, name: str, args: Any) -> None:
    """The index of the bin: how many boundaries are at most x."""
    boundaries = np.array(node.get_attr("boundaries").floats, np.float32)
    single = _node(context, "Cast", node.input, to=TensorProto.FLOAT)
    column = _node(context, "Unsqueeze", [single, _constant(context, np.array([-1]))])
    above = _node(context, "GreaterOrEqual", [column, _constant(context, boundaries)])
    counted = _node(context, "Cast", [above], to=TensorProto.INT32)
    last = _constant(context, np.array([-1]))
    _replace(context, node, "ReduceSum", [counted, last], keepdims=0)


HANDLERS: dict[str, tuple[Any, list[str]]] = {
    "Erfc": (erfc, []),
    "Expm1": (expm1, []),
    "Log1p": (log1p, []),
    "Bucketize": (bucketize, []),
}


def _one(context: Any, node: Any) -> str:
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
    return _constant(context, np.ones((), dtype))


def _constant(context: Any, value: np.ndarray) -> str:
    return context.make_const(tf2onnx.utils.make_name("constant"), value).output[0]


def _node(context: Any, kind: str, inputs: Any, **attributes: Any) -> str:
    return context.make_node(kind, list(inputs), attr=attributes).output[0]


def _replace(context: Any, node: Any, kind: str, inputs: list[str], **attributes: Any) -> None:
    """Puts a node of another kind in the place of `node`, with its name and outputs."""
    outputs = list(node.output)
    shapes = [context.get_shape(name) for name in outputs]
    dtypes = [context.get_dtype(name) for name in outputs]
    context.remove_node(node.name)
    context.make_node(
        kind,
        inputs,
        attr=attributes,
        name=node.name,
        outputs=outputs,
        shapes=shapes,
        dtypes=dtypes,
    )
