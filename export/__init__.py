"""Keras models to ONNX and TFLite files that were run and compared before they got their name."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.comparison import Comparison as Comparison
    from export.to_onnx import to_onnx as to_onnx
    from export.to_tflite import to_tflite as to_tflite
    from export.verify import verify as verify

__all__ = ["Comparison", "to_onnx", "to_tflite", "verify"]

_HOMES = {"Comparison": "export.comparison"}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import export` needs no TensorFlow."""
    if name not in __all__:
        raise AttributeError(f"module 'export' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, f"export.{name}")), name)
    globals()[name] = value
    return value
