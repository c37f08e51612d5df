"""The formats a model can be written in: one row each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.base.errors import InputError
from export.base.paths import given_path
from export.base.runtime import Runtime
from export.conversion.outcome import Outcome
from export.onnx_format.engine import DATA_SUFFIX, ONNX_RUNTIME
from export.tflite_format.engine import LITERT
from export.verification.engine import Engine


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: what users call it; also the suffix of its files, without the dot.
        engine: what checks and runs its files.
        write: writes a model in several precisions: model, paths by precision, keyword arguments.
        settings: names of the options that `write` takes.
        batch: the size of the first axis where none was asked for; None leaves it free.
        companions: suffixes of further files that may lie beside one.
    """

    name: str
    engine: Engine
    write: Callable[..., Iterator[Outcome]]
    settings: tuple[str, ...]
    batch: int | None = None
    companions: tuple[str, ...] = ()

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of its files end."""
        return (self.engine.suffix, *self.companions)


def _write_onnx(*args: Any, **settings: Any) -> Iterator[Outcome]:
    from export.onnx_format.convert import write_onnx

    return write_onnx(*args, **settings)


def _write_tflite(*args: Any, **settings: Any) -> Iterator[Outcome]:
    from export.tflite_format.convert import write_tflite

    return write_tflite(*args, **settings)


FORMATS = {
    row.name: row
    for row in (
        Format(
            "onnx",
            ONNX_RUNTIME,
            _write_onnx,
            ("opset", "nchw", "integer_io"),
            companions=(DATA_SUFFIX,),
        ),
        Format("tflite", LITERT, _write_tflite, ("allow_flex", "integer_io"), batch=1),
    )
}
SUFFIXES = {row.engine.suffix: row for row in FORMATS.values()}


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix.

    Raises:
        InputError: no format has its suffix, or there is no such file.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path.name} is neither {' nor '.join(SUFFIXES)}; give one of these")
    if not given_path(path).is_file():
        raise InputError(f"there is no file {path}; check the name")
    return SUFFIXES[path.suffix]


def engine_of(path: Path) -> Engine:
    """What runs the file; raises InputError as `format_of` does."""
    return format_of(path).engine


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
