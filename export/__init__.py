"""Keras models to ONNX and TFLite files that were run and compared before they got their name."""

from export.base.start import prepare

prepare()

import sys  # noqa: E402
from importlib import import_module  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from export.base.errors import ConversionError as ConversionError
    from export.base.errors import ExportError as ExportError
    from export.base.errors import InputError as InputError
    from export.base.errors import NotEquivalent as NotEquivalent
    from export.loading.load_model import load_model as load_model
    from export.onnx_format.convert import to_onnx as to_onnx
    from export.options import Options as Options
    from export.pipeline import export as export
    from export.publishing.exported import Exported as Exported
    from export.tflite_format.convert import to_tflite as to_tflite
    from export.verification.comparison import Comparison as Comparison
    from export.verify import verify as verify

_HOMES = {
    "Comparison": "export.verification.comparison",
    "ConversionError": "export.base.errors",
    "ExportError": "export.base.errors",
    "Exported": "export.publishing.exported",
    "InputError": "export.base.errors",
    "NotEquivalent": "export.base.errors",
    "Options": "export.options",
    "export": "export.pipeline",
    "load_model": "export.loading.load_model",
    "to_onnx": "export.onnx_format.convert",
    "to_tflite": "export.tflite_format.convert",
    "verify": "export.verify",
}

__all__ = [
    "Comparison",
    "ConversionError",
    "ExportError",
    "Exported",
    "InputError",
    "NotEquivalent",
    "Options",
    "export",
    "load_model",
    "to_onnx",
    "to_tflite",
    "verify",
]


class _Package(ModuleType):
    """Public names load on first use: `import export` needs no TensorFlow.

    `verify` shares its name with the file it lives in. The import system sets such a submodule as
    an attribute of the package; here the function takes that place.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'export' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__(self) -> list[str]:
        """The public names, for completion before their first use."""
        return [*__all__, *(name for name in vars(self) if name.startswith("__"))]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
