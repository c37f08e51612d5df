"""Operators of ONNX that the traced graph holds already, see `keras_patches.onnx_operator`."""

import json
from typing import Any

from export.onnx_format.handlers.nodes import place

UNREAD = ("Sout", "dim_args_spec", "platforms", "function_list", "disabled_checks")
"""Attributes of the stand-in that say nothing and that ONNX could not hold."""


def write(context: Any, node: Any, name: str, args: Any) -> None:
    """Puts the operator in the place of its stand-in."""
    about = json.loads(node.get_attr_str("module"))
    given, made = iter(list(node.input)), iter(list(node.output))
    inputs = [next(given) if there else "" for there in about["inputs"]]
    outputs = [next(made) if there else "" for there in about["outputs"]]
    place(context, node, about["kind"], inputs, outputs, **about["attributes"])


HANDLERS: dict[str, Any] = {"XlaCallModule": write}
