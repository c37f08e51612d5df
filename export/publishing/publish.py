"""The files of an export: which they are, and how they appear in their directory as one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from export.base.errors import InputError
from export.base.files import sha256
from export.formats import FORMATS
from export.transaction.file_set import FileSet
from export.transaction.stage import staged_set

MANIFEST = "manifest.json"
REPORT = "report.html"
FOLDED = "folded.keras"
REFERENCE: Final = "reference.npz"


@contextmanager
def staged(directory: Path, overwrite: bool) -> Iterator[Path]:
    """A fresh directory to write into; what is in it when the block ends well goes to `directory`.

    A kill at any moment leaves the old files or the new. When the block raises, nothing is left
    behind. Several processes may do this with one directory: one set after the other appears, each
    as a whole.

    Args:
        directory: need not exist.
        overwrite: whether files of the same names may be replaced.

    Raises:
        InputError: `directory` can't be written, or holds such files and `overwrite` is false.
    """
    directory = Path(os.path.realpath(directory))
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file; give a directory to write into")
    with staged_set(files_of(directory, overwrite)) as stage:
        yield stage


def files_of(directory: Path, overwrite: bool) -> FileSet:
    """The files of an export in this directory."""
    return FileSet(
        directory,
        MANIFEST,
        lambda names: refuse_existing(directory, names, overwrite),
        _own,
        whole=True,
    )


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


def _own(directory: Path) -> set[str]:
    """Files there that are what an export wrote, so that no manifest can have others removed."""
    hashes = _hashes(directory)
    return {name for name in _listed(directory) if _is_as_told(directory / name, hashes[name])}


def _is_as_told(path: Path, expected: str) -> bool:
    return path.is_file() and not path.is_symlink() and sha256(path) == expected


def _listed(directory: Path) -> set[str]:
    """The files of an export that the manifest in `directory` names; none where it is none."""
    return {name for name in _hashes(directory) if Path(name).name == name and _is_artefact(name)}


def _is_artefact(name: str) -> bool:
    suffixes = tuple(suffix for row in FORMATS.values() for suffix in row.suffixes)
    return name.endswith(suffixes) or name in (FOLDED, REFERENCE, REPORT)


def _hashes(directory: Path) -> dict[str, str]:
    files = _content(directory).get("files")
    entries = files.items() if isinstance(files, dict) else ()
    return {name: entry["sha256"] for name, entry in entries if _has_hash(entry)}


def _has_hash(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("sha256"), str)


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
