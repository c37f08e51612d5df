"""What a conversion hands back: the file, and how its ports map to the Keras model's."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from export.errors import InputError


@dataclass(frozen=True)
class Port:
    """One input or output.

    Attributes:
        name: what the Keras model calls it.
        target: what the file calls it; in a TFLite file, the key in its signature.
        index: its position among the file's inputs or outputs.
        shape: None where a dimension is free; the first axis is the batch.
        dtype: NumPy name of the dtype.
    """

    name: str
    target: str
    index: int
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Artifact:
    """A checked file.

    Attributes:
        path: the file.
        format: "onnx" or "tflite".
        precision: "float32", "float16", "dynamic_int8" or "int8".
        inputs: ports in the model's order.
        outputs: ports in the model's order.
        batch: the fixed batch size, None when it is free.
        opset: ONNX operator set; None for TFLite.
        ir_version: ONNX file format version; None for TFLite.
        size: bytes, of all files together.
        sha256: of `path`.
        files: further files that belong to it, such as external weights, with their SHA-256.
        operators: how often each operator occurs in the file.
        notes: what a reader of the report should know, one sentence each.
        ran: False when no installed runtime has all its operators, so that it was never run.
    """

    path: Path
    format: str
    precision: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    batch: int | None
    opset: int | None
    ir_version: int | None
    size: int
    sha256: str
    files: dict[str, str] = field(default_factory=dict)
    operators: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ran: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the path is the bare file name."""
        return asdict(self) | {"path": self.path.name}


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A place for the file until it is known to be good.

    Yields a path of the same name in a fresh directory beside it. When the block ends well, every
    file in that directory is flushed to disk and moved to its final name, `path` itself last; when
    it ends in an exception nothing is left behind and the old files are untouched.

    Raises:
        InputError: `path` exists and `overwrite` is false, or its directory can't be written.
    """
    refuse_existing(path, overwrite)
    try:
        room = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"can't write into {path.parent} ({reason}); choose another place"
        ) from error
    try:
        yield room / path.name
        for made in sorted(room.iterdir(), key=lambda made: made.name == path.name):
            flush(made)
            os.replace(made, path.parent / made.name)
        flush(path.parent)
    finally:
        for leftover in room.iterdir():
            leftover.unlink()
        room.rmdir()


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises InputError when there is a file already that must not be replaced."""
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; remove it, choose another name or ask to overwrite it")


def flush(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
