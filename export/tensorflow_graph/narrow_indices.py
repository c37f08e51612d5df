"""Axes, shapes and paddings in int32; TFLite has many operators for no wider ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

WIDE, NARROW = tf.int64.as_datatype_enum, tf.int32.as_datatype_enum
LARGEST = np.iinfo(np.int32).max


def narrow(nodes: Sequence[Any]) -> list[Any]:
    """Makes nodes of a graph read constants in int32 where they may and int64 was given.

    Args:
        nodes: NodeDefs, edited in place.

    Returns:
        The constants to be added to them.
    """
    constants = {node.name: node for node in nodes if node.op == "Const"}
    made: dict[str, Any] = {}
    for node in nodes:
        for attribute, indices in _narrowable(node):
            sources = [node.input[index].split(":")[0] for index in indices]
            copies = [_narrowed(constants.get(source)) for source in sources]
            if None in copies:
                continue
            for index, copy in zip(indices, copies, strict=True):
                made[copy.name] = copy
                node.input[index] = copy.name + (":output:0" if ":" in node.input[index] else "")
            node.attr[attribute].type = NARROW
    return list(made.values())


def _narrowable(node: Any) -> list[tuple[str, list[int]]]:
    """Attributes that say int64 of inputs alone and might say int32, with those inputs' places."""
    definition = op_def_registry.get(node.op)
    wide = [
        attribute.name
        for attribute in (definition.attr if definition else ())
        if attribute.type == "type"
        and node.attr[attribute.name].type == WIDE
        and NARROW in attribute.allowed_values.list.type
    ]
    if not wide:
        return []
    kinds = [
        arg.type_attr
        for arg in definition.input_arg
        for _ in range(node.attr[arg.number_attr].i if arg.number_attr else 1)
    ]
    results = {arg.type_attr for arg in definition.output_arg}
    return [
        (name, [index for index, kind in enumerate(kinds) if kind == name])
        for name in wide
        if name in kinds and name not in results
    ]


def _narrowed(constant: Any) -> Any:
    """A copy in int32; None where there is no constant, or it is too large."""
    if constant is None:
        return None
    value = tf.make_ndarray(constant.attr["value"].tensor)
    if np.abs(value).max(initial=0) > LARGEST:
        return None
    copy = type(constant)(name=f"{constant.name}/int32", op="Const")
    copy.attr["dtype"].type = NARROW
    copy.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.int32)))
    return copy
