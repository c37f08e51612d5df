"""Puts a set of files in place as one: a kill at any moment leaves the old set, or the new."""

import ctypes
import fcntl
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.errors import InputError

AT_FDCWD = -100
RENAME_EXCHANGE = 2
STALE = 3600.0
MARK = ".fleras-"


@contextmanager
def staged(directory: Path, overwrite: bool) -> Iterator[Path]:
    """A fresh directory to write into; what is in it when the block ends well goes to `directory`.

    A new directory appears by one rename. An old one that holds nothing but an earlier set is
    exchanged for the new by one system call. Where other files lie beside them, or the system can't
    do that, files are renamed one after the other, `manifest.json` last: each is whole, and the
    hashes in the manifest tell a mixed set. When the block raises, nothing is left behind.

    Args:
        directory: need not exist.
        overwrite: whether files of the same names may be replaced.

    Raises:
        InputError: `directory` can't be written, or holds such files and `overwrite` is false.
    """
    directory = Path(os.path.abspath(directory))
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a directory to write into")
    stage = _make_stage(directory)
    lock = os.open(stage, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield stage
        _flush(stage)
        _publish(stage, directory, overwrite)
    finally:
        os.close(lock)
        shutil.rmtree(stage, ignore_errors=True)


def refuse_existing(directory: Path, names: set[str], overwrite: bool) -> None:
    """Raises InputError when the directory holds one of these files and may not be written over."""
    found = sorted(name for name in names if (directory / name).exists())
    if found and not overwrite:
        raise InputError(
            f"{directory} already holds {', '.join(found)}; "
            "add --overwrite or choose another directory"
        )


def _make_stage(directory: Path) -> Path:
    """Beside the directory, or within it when only that can be written."""
    beside = next(parent for parent in directory.parents if parent.exists())
    reason: OSError | None = None
    for home in (beside, directory):
        _remove_stale(home, directory.name)
        stage = home / f".{directory.name}{MARK}{secrets.token_hex(4)}"
        try:
            stage.mkdir()
            return stage
        except OSError as error:
            reason = reason or error
    raise InputError(
        f"can't write into {directory} ({reason.strerror if reason else 'unknown'}); "
        "choose another directory"
    )


def _remove_stale(home: Path, name: str) -> None:
    """Stages whose export was killed: nobody holds their lock any more."""
    for left in home.glob(f".{name}{MARK}*"):
        try:
            old = time.time() - left.stat().st_mtime > STALE
            descriptor = os.open(left, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if old:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(descriptor)


def _publish(stage: Path, directory: Path, overwrite: bool) -> None:
    names = {path.name for path in stage.iterdir()}
    directory.parent.mkdir(parents=True, exist_ok=True)
    if not directory.exists():
        try:
            stage.rename(directory)
            return
        except OSError:
            if not directory.is_dir():
                raise
    refuse_existing(directory, names, overwrite)
    if not (_holds_a_set(directory) and _exchange(stage, directory)):
        _replace_each(stage, directory)


def _holds_a_set(directory: Path) -> bool:
    """Whether all that is in it came from an earlier export, so that it can go as a whole."""
    ours = ("folded.keras", "manifest.json", "reference.npz", "report.html")
    names = [path.name for path in directory.iterdir()]
    known = [
        name in ours or (name.startswith("model.") and name.endswith((".onnx", ".tflite", ".data")))
        for name in names
    ]
    special = directory.is_mount() or directory.is_symlink() or directory == Path.cwd()
    return "manifest.json" in names and all(known) and not special


def _exchange(stage: Path, directory: Path) -> bool:
    """Swaps two directories in one step; False where the system does not offer that."""
    shutil.copymode(directory, stage)
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    paths = (os.fsencode(stage), os.fsencode(directory))
    sys.audit("os.rename", *paths, -1, -1)
    return rename(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE) == 0


def _replace_each(stage: Path, directory: Path) -> None:
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in sorted(stage.iterdir(), key=lambda path: path.name == "manifest.json"):
            path.replace(directory / path.name)
        os.fsync(lock)
    finally:
        os.close(lock)


def _flush(stage: Path) -> None:
    for path in (*stage.iterdir(), stage):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
