"""New nodes in a graph that tf2onnx converts."""

from typing import Any

import numpy as np
import tf2onnx


def constant(context: Any, value: np.ndarray) -> str:
    """The name of a new constant."""
    return str(context.make_const(tf2onnx.utils.make_name("constant"), value).output[0])


def make(context: Any, kind: str, inputs: Any, **attributes: Any) -> str:
    """The first output of a new node."""
    return str(context.make_node(kind, list(inputs), attr=attributes).output[0])


def replace(context: Any, node: Any, kind: str, inputs: list[str], **attributes: Any) -> None:
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
