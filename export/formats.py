"""The formats a model can be written in: one row each."""

from pathlib import Path

from export.base.errors import InputError
from export.base.runtime import Runtime
from export.onnx_format.engine import ONNX_RUNTIME
from export.tflite_format.engine import LITERT
from export.verification.engine import Engine

ENGINES = {engine.suffix: engine for engine in (ONNX_RUNTIME, LITERT)}


def engine_of(path: Path) -> Engine:
    """What runs the file.

    Raises:
        InputError: no format has its suffix, or there is no such file.
    """
    if path.suffix not in ENGINES:
        raise InputError(f"{path.name} is neither .onnx nor .tflite; give one of these")
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    return ENGINES[path.suffix]


def open_artifact(path: str | Path, optimize: bool = True, threads: int | None = None) -> Runtime:
    """Loads a file in the runtime of its suffix.

    Args:
        path: an `.onnx` or `.tflite` file.
        optimize: False switches off ONNX Runtime's graph optimizations, and the delegate that
            LiteRT applies by itself.
        threads: per operator; None leaves it to the runtime.

    Raises:
        InputError: neither suffix, or no such file.
        ConversionError: the runtime refuses the file.
    """
    path = Path(path)
    return engine_of(path).open(path, optimize, threads)
