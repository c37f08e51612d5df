"""Operators of ONNX that the traced graph holds already, see `keras_patches.onnx_operator`."""

import json
from typing import Any

from export.onnx_format.handlers.nodes import replace

UNREAD = ("Sout", "dim_args_spec", "platforms", "function_list", "disabled_checks")
"""Attributes of the stand-in that say nothing and that ONNX could not hold."""


def write(context: Any, node: Any, name: str, args: Any) -> None:
    """Puts the operator in the place of its stand-in."""
    about = json.loads(node.get_attr_str("module"))
    given = iter(list(node.input))
    inputs = [next(given) if there else "" for there in about["inputs"]]
    replace(context, node, about["kind"], inputs, **about["attributes"])


HANDLERS: dict[str, Any] = {"XlaCallModule": write}
