"""Files on the disk: hashes, sizes, flushing."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from export.base.errors import InputError

WEIGHT_LIMIT = 2**31 - 2**20
"""Bytes of weights that a protobuf or flatbuffer can hold; both end at 2 GiB."""


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


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises InputError when there is a file already that must not be replaced."""
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; remove it, choose another name or ask to overwrite it")


def flush(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
