"""A directory for files that are in the making; when all of them are good they appear as one."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from export.base.errors import InputError
from export.base.files import refuse_existing
from export.transaction.file_set import COMMITTED, FileSet
from export.transaction.publish import is_stage, publish, settle

STALE = 60.0


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A path of the same name to write to until the file is known to be good.

    What lies beside it when the block ends well, such as its external weights, gets its final name
    together with it; when the block raises, nothing is left behind and old files are untouched.

    Raises:
        InputError: `path` exists and `overwrite` is false, or its directory can't be written.
    """
    refuse_existing(path, overwrite)
    directory = path.parent.resolve()
    files = FileSet(directory, path.name, lambda names: refuse_existing(path, overwrite))
    if not directory.is_dir():
        raise InputError(f"can't write into {path.parent}, which is no directory; make it first")
    with staged_set(files) as stage:
        yield stage / path.name


@contextmanager
def staged_set(files: FileSet) -> Iterator[Path]:
    """A fresh directory; what is in it when the block ends well is moved as one.

    Raises:
        InputError: nothing can be written there, or files that must stay are in the way.
    """
    if not is_stage(files.directory):
        settle(files)
    stage = _make_stage(files)
    lock = os.open(stage, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield stage
        publish(stage, files)
    finally:
        os.close(lock)
        shutil.rmtree(stage, ignore_errors=True)


def _make_stage(files: FileSet) -> Path:
    """Beside the directory, or within it when only that can be written."""
    reason: OSError | None = None
    for home in files.homes():
        _remove_stale(files, home)
        stage = home / f"{files.stage_prefix}{secrets.token_hex(4)}"
        try:
            stage.mkdir()
            return stage
        except OSError as error:
            reason = reason or error
    raise InputError(
        f"can't write into {files.directory} ({reason.strerror if reason else 'unknown'}); "
        "choose another directory"
    )


def _remove_stale(files: FileSet, home: Path) -> None:
    """Stages whose process was killed: nobody holds their lock any more."""
    for left in files.stages(home):
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
