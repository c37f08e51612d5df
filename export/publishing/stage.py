"""A place for a set of files until all of them are good; then they appear as one."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from export.base.errors import InputError
from export.publishing.publish import COMMITTED, MARK, flush_all, homes, publish, settle, stages

STALE = 60.0


@contextmanager
def staged(directory: Path, overwrite: bool) -> Iterator[Path]:
    """A fresh directory to write into; what is in it when the block ends well goes to `directory`.

    A kill at any moment leaves the old files or the new, see `export.publishing.publish`.
    When the block raises, nothing is left behind. Several processes may do this with one
    directory: one set after the other appears, each as a whole.

    Args:
        directory: need not exist.
        overwrite: whether files of the same names may be replaced.

    Raises:
        InputError: `directory` can't be written, or holds such files and `overwrite` is false.
    """
    directory = directory.resolve()
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a directory to write into")
    settle(directory)
    stage = _make_stage(directory)
    lock = os.open(stage, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield stage
        flush_all(stage)
        publish(stage, directory, overwrite)
    finally:
        os.close(lock)
        shutil.rmtree(stage, ignore_errors=True)


def _make_stage(directory: Path) -> Path:
    """Beside the directory, or within it when only that can be written."""
    reason: OSError | None = None
    for home in homes(directory):
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
    for left in stages(home, name):
        if left.name.endswith(COMMITTED):
            continue
        with suppress(OSError):
            old = time.time() - left.stat().st_mtime > STALE
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if old:
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)
