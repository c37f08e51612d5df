"""Moves a set of files to its place as one: a kill at any moment leaves the old set, or the new.

A new directory appears by one rename, and one that holds nothing but an earlier set is exchanged
for the new one by one system call. Where files of others lie beside them, where the directory is a
mount point or the one worked in, or where the system has no such call, the stage is first renamed
to say that it is complete. Then its files are renamed one after the other, the telling one last. A
kill in between is made good by who writes such a set there next: `settle` renames the rest. Until
then the hashes in an old manifest tell the mixed set.
"""

import ctypes
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.base.files import flush
from export.transaction.file_set import COMMITTED, MARK, FileSet

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def publish(stage: Path, files: FileSet) -> None:
    """Moves what is in `stage` to its place.

    Raises:
        InputError: files of the same names are there and must stay.
    """
    directory = files.directory
    if is_stage(directory):
        _move(stage, files)
        return
    flush_all(stage)
    directory.parent.mkdir(parents=True, exist_ok=True)
    if not directory.exists() and _renamed(stage, directory):
        return
    with _locked(directory):
        _settle(files)
        files.refuse({path.name for path in stage.iterdir()})
        if not (_holds_only_a_set(files) and _exchanged(stage, directory)):
            _move(stage.rename(f"{stage}{COMMITTED}"), files)


def settle(files: FileSet) -> None:
    """Completes a transaction that was killed while its files were moved."""
    if any(_unfinished(files)):
        with _locked(files.directory):
            _settle(files)


def is_stage(directory: Path) -> bool:
    """Whether this is the stage of another transaction, which nobody else looks at."""
    return directory.name.startswith(".") and MARK in directory.name


def flush_all(directory: Path) -> None:
    """Waits until the files in it, and their names, are on the disk."""
    for path in (*directory.iterdir(), directory):
        flush(path)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Holds the lock of the directory that is at this path once the lock is there."""
    while True:
        lock = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(lock), os.stat(directory)):
                yield
                return
        finally:
            os.close(lock)


def _unfinished(files: FileSet) -> Iterator[Path]:
    """Complete stages whose files are not all in place; only the user's own are trusted."""
    for home in files.homes() if files.directory.is_dir() else ():
        for stage in files.stages(home):
            if stage.name.endswith(COMMITTED) and _is_own_directory(stage):
                yield stage


def _is_own_directory(path: Path) -> bool:
    """False also where another process has just moved it away."""
    try:
        entry = path.lstat()
    except FileNotFoundError:
        return False
    return entry.st_uid == os.getuid() and stat.S_ISDIR(entry.st_mode)


def _settle(files: FileSet) -> None:
    for stage in _unfinished(files):
        _move(stage, files)


def _move(stage: Path, files: FileSet) -> None:
    """Renames each file; wherever this ended it can be begun again."""
    directory, new = files.directory, {path.name for path in stage.iterdir()}
    if files.last in new:
        for name in files.earlier(directory) - files.listed(stage):
            (directory / name).unlink(missing_ok=True)
    for name in sorted(new, key=lambda name: name == files.last):
        (stage / name).replace(directory / name)
    flush(directory)
    stage.rmdir()


def _renamed(stage: Path, directory: Path) -> bool:
    """Gives the stage its final name; False where another export was quicker."""
    try:
        stage.rename(directory)
    except OSError:
        if not directory.is_dir():
            raise
        return False
    flush(directory.parent)
    return True


def _holds_only_a_set(files: FileSet) -> bool:
    """Whether all that is in it came from an earlier set, so that it can go as a whole."""
    directory = files.directory
    special = directory.is_mount() or directory == Path.cwd()
    names = {path.name for path in directory.iterdir()}
    known = {files.last, *files.earlier(directory)}
    return files.whole and not special and files.last in names and names <= known


def _exchanged(stage: Path, directory: Path) -> bool:
    """Swaps two directories in one step; False where the system does not offer that."""
    stage.chmod(stat.S_IMODE(directory.stat().st_mode))
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    paths = (os.fsencode(stage), os.fsencode(directory))
    sys.audit("os.rename", *paths, -1, -1)
    if rename(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE) != 0:
        return False
    flush(directory.parent)
    return True
