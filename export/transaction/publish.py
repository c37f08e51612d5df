"""Moves a set of files to its place as one: a kill at any moment leaves the old set, or the new.

A new directory appears by one rename, and one that holds nothing but an earlier set is exchanged
for the new one by one system call. Where files of others lie beside them, where the directory is a
mount point or the one worked in, or where the system has no such call, one rename says that the set
is complete; then the old files go, the telling one first, and after the last of them the new ones
come, the telling one last. Old and new files are never there together, and without the telling file
there is no set. What a kill leaves half done is completed by who writes such a set there next.
"""

import ctypes
import json
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from export.base.errors import InputError
from export.base.files import flush
from export.transaction.file_set import FileSet

NEW, COMPLETE, CLEARED, OLD, GOING = "files", "complete", "cleared", "old", "going.json"
AT_FDCWD = -100
RENAME_EXCHANGE = 2


def publish(own: Path, files: FileSet) -> None:
    """Moves what is in `own/files` to its place; no other process may do so at the same time.

    Raises:
        InputError: files of the same names are there and must stay.
    """
    directory, new = files.directory, own / NEW
    flush_all(new)
    directory.parent.mkdir(parents=True, exist_ok=True)
    if not directory.exists() and _renamed(new, directory):
        return
    names = _names(new)
    files.refuse(names)
    _refuse_directories(directory, names)
    if not (_holds_only_a_set(files) and _exchanged(new, files)):
        (own / GOING).write_text(json.dumps(_going(files, names)), encoding="utf-8")
        flush(own / GOING)
        new.rename(own / COMPLETE)
        flush(own)
        complete(own, files)


def complete(own: Path, files: FileSet) -> None:
    """Moves a complete set, wherever that was interrupted; where none is complete, nothing."""
    directory = files.directory
    if (own / COMPLETE).is_dir():
        _clear(own, files)
        (own / COMPLETE).rename(own / CLEARED)
    if (cleared := own / CLEARED).is_dir():
        for name in reversed(_telling_first(_names(cleared), files)):
            (cleared / name).replace(directory / name)
        flush(directory)
        cleared.rmdir()


def is_complete(own: Path) -> bool:
    """Whether there is something to complete."""
    return (own / COMPLETE).is_dir() or (own / CLEARED).is_dir()


def flush_all(directory: Path) -> None:
    """Waits until the files in it, and their names, are on the disk."""
    for path in (*directory.iterdir(), directory):
        flush(path)


def _going(files: FileSet, new: set[str]) -> list[str]:
    """What has to go before the first new file comes; none where one file replaces another."""
    earlier = {files.last, *files.earlier(files.directory)} if files.last in new else set()
    there = (new | earlier) & _names(files.directory)
    return sorted(there) if new | there != {files.last} else []


def _clear(own: Path, files: FileSet) -> None:
    """Takes the old set away, the telling file first."""
    directory, old = files.directory, own / OLD
    old.mkdir(exist_ok=True)
    try:
        for name in _telling_first(json.loads((own / GOING).read_bytes()), files):
            with suppress(FileNotFoundError):
                (directory / name).replace(old / name)
    except OSError:
        for name in reversed(_telling_first(_names(old), files)):
            (old / name).replace(directory / name)
        (own / COMPLETE).rename(own / NEW)
        raise


def _telling_first(names: Iterable[str], files: FileSet) -> list[str]:
    return sorted(names, key=lambda name: name != files.last)


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _refuse_directories(directory: Path, names: set[str]) -> None:
    for name in sorted(names):
        if (path := directory / name).is_dir() and not path.is_symlink():
            raise InputError(f"{path} is a directory; remove it or choose another place")


def _renamed(new: Path, directory: Path) -> bool:
    """Gives the set its final name; False where another process was quicker."""
    try:
        new.rename(directory)
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
    names = _names(directory)
    return files.whole and not special and files.last in names and names <= _own_names(files)


def _own_names(files: FileSet) -> set[str]:
    return {files.last, *files.earlier(files.directory)}


def _exchanged(new: Path, files: FileSet) -> bool:
    """Swaps two directories in one step; False where the system does not offer that."""
    directory, own = files.directory, _own_names(files)
    new.chmod(stat.S_IMODE(directory.stat().st_mode))
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    paths = (os.fsencode(new), os.fsencode(directory))
    sys.audit("os.rename", *paths, -1, -1)
    if rename(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE) != 0:
        return False
    for name in _names(new) - own:
        with suppress(OSError):
            (new / name).rename(directory / name)
    flush(directory.parent)
    return True
