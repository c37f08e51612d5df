"""Moves a set of files to its place as one: a kill at any moment leaves the old set, or the new.

A new directory appears by one rename, and one that holds nothing but an earlier set is exchanged
for the new one by one system call. Where files of others lie beside them, where the directory is a
mount point or the one worked in, or where the system has no such call, the stage is first renamed
to say that it is complete. Then its files are renamed one after the other, `manifest.json` last. A
kill in between is made good by whatever command looks at the directory next: `settle` renames the
rest. Until then the hashes in the old manifest tell the mixed set.
"""

import ctypes
import fcntl
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export.base.errors import InputError
from export.base.files import flush

MANIFEST = "manifest.json"
REPORT = "report.html"
MARK = ".fleras-"
COMMITTED = ".complete"
AT_FDCWD = -100
RENAME_EXCHANGE = 2


def publish(stage: Path, directory: Path, overwrite: bool) -> None:
    """Moves what is in `stage`, which must be flushed to disk, to `directory`.

    Raises:
        InputError: `directory` holds files of the same names and `overwrite` is false.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    if not directory.exists() and _renamed(stage, directory):
        return
    with _locked(directory):
        _settle(directory)
        refuse_existing(directory, {path.name for path in stage.iterdir()}, overwrite)
        if not (_holds_only_a_set(directory) and _exchanged(stage, directory)):
            _move(stage.rename(f"{stage}{COMMITTED}"), directory)


def settle(directory: Path) -> None:
    """Completes an export that was killed while its files went into `directory`."""
    if any(_unfinished(directory)):
        with _locked(directory):
            _settle(directory)


def refuse_existing(directory: Path, names: set[str], overwrite: bool) -> None:
    """Raises InputError when the directory holds one of these files and may not be written over."""
    if _tells_of_failure_alone(directory):
        names = names - {MANIFEST, REPORT}
    found = sorted(name for name in names if (directory / name).exists())
    if found and not overwrite:
        raise InputError(
            f"{directory} already holds {', '.join(found)}; "
            "add --overwrite or choose another directory"
        )


def homes(directory: Path) -> list[Path]:
    """Where a stage can be: on the same file system as the directory, so that renaming works."""
    if not directory.is_dir():
        return [next(parent for parent in directory.parents if parent.exists())]
    same = directory.parent.stat().st_dev == directory.stat().st_dev
    return [directory.parent, directory] if same else [directory]


def stages(home: Path, name: str) -> list[Path]:
    """The stages in `home` for a directory of this name, none where they can't be listed."""
    try:
        return [path for path in home.iterdir() if path.name.startswith(f".{name}{MARK}")]
    except OSError:
        return []


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


def _unfinished(directory: Path) -> Iterator[Path]:
    """Complete stages whose files are not all in place; only the user's own are trusted."""
    for home in homes(directory) if directory.is_dir() else ():
        for stage in stages(home, directory.name):
            if stage.name.endswith(COMMITTED) and _is_own_directory(stage):
                yield stage


def _is_own_directory(path: Path) -> bool:
    """False also where another process has just moved it away."""
    try:
        entry = path.lstat()
    except FileNotFoundError:
        return False
    return entry.st_uid == os.getuid() and stat.S_ISDIR(entry.st_mode)


def _settle(directory: Path) -> None:
    for stage in _unfinished(directory):
        _move(stage, directory)


def _move(stage: Path, directory: Path) -> None:
    """Renames each file; wherever this ended it can be begun again."""
    new = {path.name for path in stage.iterdir()}
    if MANIFEST in new:
        for name in _listed(directory) - _listed(stage):
            (directory / name).unlink(missing_ok=True)
    for name in sorted(new, key=lambda name: name == MANIFEST):
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


def _holds_only_a_set(directory: Path) -> bool:
    """Whether all that is in it came from an earlier export, so that it can go as a whole."""
    special = directory.is_mount() or directory == Path.cwd()
    names = {path.name for path in directory.iterdir()}
    return not special and MANIFEST in names and names <= {MANIFEST, *_listed(directory)}


def _listed(directory: Path) -> set[str]:
    """The files of an export that the manifest in `directory` names; none where it is none."""
    names = _content(directory).get("files")
    return {str(name) for name in names or () if _is_of_an_export(str(name))}


def _tells_of_failure_alone(directory: Path) -> bool:
    """Whether what is there is the report of an export of which no file was written."""
    content = _content(directory)
    return content.get("artifacts") == [] and bool(content.get("failed"))


def _content(directory: Path) -> dict[str, Any]:
    """What the manifest says; nothing where there is none."""
    try:
        content = json.loads((directory / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_of_an_export(name: str) -> bool:
    """Judged by the name alone, so that no manifest can have other files removed."""
    files = ("folded.keras", "reference.npz", REPORT)
    artefact = name.startswith("model.") and name.endswith((".onnx", ".tflite", ".data"))
    return name in files or (artefact and "/" not in name)


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
