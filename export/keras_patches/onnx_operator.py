"""Operators of ONNX inside a TensorFlow graph, for what TensorFlow says in many operators.

Each is a node that TensorFlow never runs; `onnx_format.handlers.operator` writes it as it is.
"""

import json
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_call_module

VERSION = 9
Shape = Sequence[int | None]


def operator(
    kind: str,
    inputs: Sequence[Any],
    shapes: Sequence[Shape],
    dtype: Any = tf.float32,
    **attributes: Any,
) -> list[Any]:
    """A node of the ONNX operator `kind`.

    Args:
        kind: name of the operator.
        inputs: tensors, NumPy arrays or None for each that is left out.
        shapes: of each output.
        dtype: of the outputs.
        attributes: as ONNX calls them.

    Returns:
        The outputs.
    """
    given = [tf.convert_to_tensor(value) for value in inputs if value is not None]
    about = {
        "kind": kind,
        "inputs": [value is not None for value in inputs],
        "attributes": attributes,
    }
    return list(
        xla_call_module(
            given,
            version=VERSION,
            module=json.dumps(about),
            Sout=[tuple(shape) for shape in shapes],
            Tout=[dtype] * len(shapes),
        )
    )
