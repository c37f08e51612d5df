"""The files of an earlier export of the same model, which stay beside those of a new one."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from export.base.errors import InputError
from export.base.files import sha256
from export.formats import FORMATS, engine_of
from export.publishing.manifest import read_manifest
from export.publishing.publish import MANIFEST, REFERENCE
from export.verification.precisions import PRECISIONS
from export.verification.reference import Reference
from export.verification.replay import replay
from export.verification.tolerances import from_record

Content = Mapping[str, Any]


def read_earlier(directory: Path) -> dict[str, Any]:
    """The manifest of the export that is there; empty where there is none that lists files."""
    try:
        return read_manifest(directory / MANIFEST)
    except InputError:
        return {}


def refuse_other_model(
    directory: Path, earlier: Content, new: Content, names: Collection[str]
) -> None:
    """Raises InputError where files would stay that another model, or other folding, gave.

    Args:
        directory: what both are about.
        earlier: the manifest that is there.
        new: "source" and "fold" of the one to be written.
        names: the files that are to be written.
    """
    left = [entry["path"] for entry in earlier.get("artifacts", ()) if entry["path"] not in names]
    if left and not _same_model(earlier, new):
        raise InputError(
            f"{directory} holds {', '.join(left)} of another model, or folded in another way; "
            "export it again too, remove it or choose another directory"
        )


def keep_earlier(
    directory: Path, stage: Path, earlier: Content, new: Content, reference: Reference
) -> dict[str, Any]:
    """Takes files of the earlier export that nothing replaces over into the new one.

    They are compared with the new reference, unless it is the one they were compared with; what is
    damaged, or does not agree, is not taken over.

    Args:
        directory: where the earlier export is.
        stage: where the new one is, with its reference.
        earlier: the manifest of the earlier one.
        new: the manifest of the new one.
        reference: of the new one.

    Returns:
        The new manifest with the entries of these files.
    """
    if not earlier or not _same_model(earlier, new):
        return dict(new)
    same = earlier["files"][REFERENCE]["sha256"] == sha256(stage / REFERENCE)
    kept = []
    for entry in earlier["artifacts"]:
        if (stage / entry["path"]).exists() or not _is_whole(directory, earlier, entry):
            continue
        if judged := entry if same or not entry["ran"] else _judged(directory, entry, reference):
            kept.append(judged)
            for name in (entry["path"], *entry["files"]):
                _take_over(directory / name, stage / name)
    return _merged(earlier, new, kept)


def _same_model(earlier: Content, new: Content) -> bool:
    same_file = earlier["source"]["sha256"] == new["source"]["sha256"]
    return bool(same_file and earlier["fold"] == new["fold"])


def _is_whole(directory: Path, earlier: Content, entry: Content) -> bool:
    hashes = {name: earlier["files"][name]["sha256"] for name in (entry["path"], *entry["files"])}
    return all(
        (directory / name).is_file() and sha256(directory / name) == expected
        for name, expected in hashes.items()
    )


def _judged(directory: Path, entry: Content, reference: Reference) -> dict[str, Any] | None:
    path, bounds = directory / entry["path"], from_record(entry["verification"]["tolerances"])
    precision = entry["precision"]
    found = replay(reference, path, engine_of(path), precision=precision, bounds=bounds)
    return {**entry, "verification": found.to_dict()} if found else None


def _take_over(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def _merged(earlier: Content, new: Content, kept: list[Any]) -> dict[str, Any]:
    names = {
        side: {port: dict(files) for port, files in table.items()}
        for side, table in new["names"].items()
    }
    files = {entry["path"] for entry in kept}
    for side, table in earlier["names"].items():
        for port, entries in table.items():
            own = {name: entry for name, entry in entries.items() if name in files}
            names[side].setdefault(port, {}).update(own)
    warnings = (*new["warnings"], *(earlier["warnings"] if kept else ()))
    return {
        **new,
        "artifacts": sorted([*new["artifacts"], *kept], key=_order),
        "names": names,
        "warnings": list(dict.fromkeys(warnings)),
    }


def _order(entry: Content) -> tuple[int, int]:
    return list(FORMATS).index(entry["format"]), list(PRECISIONS).index(entry["precision"])
