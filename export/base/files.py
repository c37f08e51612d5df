"""Files on the disk: hashes, flushing, and a name that a file gets only when it is good."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from export.base.errors import InputError


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces; of a folder, that of the list of its files."""
    if path.is_dir():
        return folder_digest(
            {file.relative_to(path).as_posix(): sha256(file) for file in files_in(path)}
        )
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(hashes: Mapping[str, str]) -> str:
    """The hash of a folder from those of its files by name, in the order of `files_in`."""
    lines = (f"{digest}  {name}\n" for name, digest in hashes.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in files_in(path))


def files_in(path: Path) -> list[Path]:
    """Every file in a folder, by name; a file is its own."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


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
        directory = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"can't write into {path.parent} ({reason}); choose another place"
        ) from error
    try:
        yield directory / path.name
        for made in sorted(directory.iterdir(), key=lambda made: made.name == path.name):
            flush(made)
            os.replace(made, path.parent / made.name)
        flush(path.parent)
    finally:
        for leftover in directory.iterdir():
            leftover.unlink()
        directory.rmdir()


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
