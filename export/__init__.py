"""Keras models to ONNX and TFLite files that were run and compared before they got their name."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.proof.comparison import Comparison as Comparison
    from export.to_onnx import to_onnx as to_onnx
    from export.to_tflite import to_tflite as to_tflite
    from export.verify import verify as verify

__all__ = ["Comparison", "to_onnx", "to_tflite", "verify"]


class _Package(ModuleType):
    """Public names load on first use: `import export` needs no TensorFlow.

    Three of them share their name with the file they live in. The import system sets such a
    submodule as an attribute of the package; here the function takes that place.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'export' has no attribute {name!r}")
        module = "proof.comparison" if name == "Comparison" else name
        return getattr(import_module(f"export.{module}"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
