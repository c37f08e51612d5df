"""A directory for files that are in the making; when all of them are good they appear as one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from export.base.errors import InputError
from export.base.files import refuse_existing
from export.base.owned_directory import Owned, begin, dead
from export.transaction.file_set import FileSet
from export.transaction.publish import complete, is_complete, publish

SECONDS = 600


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A path of the same name to write to until the file is known to be good.

    What lies beside it when the block ends well, such as its external weights, gets its final name
    together with it; when the block raises, nothing is left behind and old files are untouched.

    Raises:
        InputError: `path` exists and `overwrite` is false, or its directory can't be written.
    """
    refuse_existing(path, overwrite)
    directory = Path(os.path.realpath(path.parent))
    files = FileSet(directory, path.name, lambda names: refuse_existing(path, overwrite))
    if not directory.is_dir():
        raise InputError(f"can't write into {path.parent}, which is no directory; make it first")
    with staged_set(files) as stage:
        yield stage / path.name


@contextmanager
def staged_set(files: FileSet) -> Iterator[Path]:
    """A fresh directory; what is in it when the block ends well is moved as one.

    What killed processes left there is completed or removed first.

    Raises:
        InputError: nothing can be written there, or files that must stay are in the way.
    """
    own = _begin(files)
    try:
        with _write_errors(files), _locked(files, own):
            _recover(files)
        yield own.files
        with _write_errors(files), _locked(files, own):
            _recover(files)
            _publish(own, files)
    finally:
        _end(own)


def _begin(files: FileSet) -> Owned:
    """Beside the directory, or within it when only that can be written."""
    reason: OSError | None = None
    for home in files.homes():
        try:
            return begin(home, files.prefix)
        except OSError as error:
            reason = reason or error
    raise InputError(
        f"can't write into {files.directory} ({reason.strerror if reason else 'unknown'}); "
        "choose another directory"
    )


def _publish(own: Owned, files: FileSet) -> None:
    """An interruption comes too late once the set is complete."""
    try:
        publish(own.path, files)
    finally:
        complete(own.path, files)


def _recover(files: FileSet) -> None:
    for home in files.homes():
        for left in dead(home, files.prefix):
            try:
                complete(left.path, files)
            finally:
                _end(left)


def _end(own: Owned) -> None:
    """What is complete and can't be moved now is left to the next process."""
    if is_complete(own.path):
        own.lock.release()
    else:
        own.end()


@contextmanager
def _locked(files: FileSet, own: Owned) -> Iterator[None]:
    """One process at a time moves files into the directory; a killed one's lock is free."""
    path = own.path.parent / f"{files.prefix}fleras.lock"
    lock = FileLock(path, timeout=SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"another process writes into {files.directory}; wait for it or choose another"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        lock.release()


@contextmanager
def _write_errors(files: FileSet) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"can't write into {files.directory} ({error.strerror or error}); "
            "free some space or choose another directory"
        ) from error
