"""The files of an earlier export of the same model, which stay beside those of a new one."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from export.base.errors import InputError
from export.base.files import sha256
from export.formats import FORMATS, engine_of
from export.loading.private_copy import Source
from export.publishing.manifest import read_manifest
from export.publishing.publish import MANIFEST, REFERENCE
from export.publishing.schema import Description, Entry, Manifest, Names, Places
from export.verification.precisions import PRECISIONS
from export.verification.reference import Reference
from export.verification.replay import replay


def read_earlier(directory: Path) -> Manifest | None:
    """The manifest of the export that is there; None where there is none that lists files."""
    try:
        return read_manifest(directory / MANIFEST)
    except InputError:
        return None


def refuse_other_model(
    directory: Path,
    earlier: Manifest | None,
    source: Source,
    fold: Mapping[str, Any],
    names: Collection[str],
) -> None:
    """Raises InputError where files would stay that another model, or other folding, gave.

    Args:
        directory: what both are about.
        earlier: the manifest that is there.
        source: of the export to be written.
        fold: what became of its batch norms.
        names: the files that are to be written.
    """
    if earlier is None or _same_model(earlier, source, fold):
        return
    if left := [str(entry.path) for entry in earlier.artifacts if str(entry.path) not in names]:
        raise InputError(
            f"{directory} holds {', '.join(left)} of another model, or folded in another way; "
            "export it again too, remove it or choose another directory"
        )


def keep_earlier(
    directory: Path, stage: Path, earlier: Manifest | None, new: Description, reference: Reference
) -> Description:
    """Takes files of the earlier export that nothing replaces over into the new one.

    They are compared with the new reference, unless it is the one they were compared with; what is
    damaged, or does not agree, is not taken over.

    Args:
        directory: where the earlier export is.
        stage: where the new one is, with its reference.
        earlier: the manifest of the earlier one.
        new: what the manifest of the new one tells.
        reference: of the new one.

    Returns:
        The same with the entries of these files.
    """
    if earlier is None or not _same_model(earlier, new.source, new.fold):
        return new
    same = earlier.files[REFERENCE].sha256 == sha256(stage / REFERENCE)
    kept = []
    for entry in earlier.artifacts:
        if (stage / entry.path).exists() or not _is_whole(directory, earlier, entry):
            continue
        if judged := entry if same or not entry.ran else _judged(directory, entry, reference):
            kept.append(judged)
            for name in entry.names:
                _take_over(directory / name, stage / name)
    return _merged(earlier, new, kept)


def _same_model(earlier: Manifest, source: Source, fold: Mapping[str, Any]) -> bool:
    return _hashes(earlier.source) == _hashes(source) and earlier.fold == fold


def _hashes(source: Source) -> list[str]:
    return [each.sha256 for each in (source, source.weights) if each]


def _is_whole(directory: Path, earlier: Manifest, entry: Entry) -> bool:
    return all(
        (directory / name).is_file() and sha256(directory / name) == earlier.files[name].sha256
        for name in entry.names
    )


def _judged(directory: Path, entry: Entry, reference: Reference) -> Entry | None:
    path, bounds = directory / entry.path, entry.verification.tolerances
    precision = entry.precision
    found = replay(reference, path, engine_of(path), precision=precision, bounds=bounds)
    return replace(entry, verification=found.record()) if found else None


def _take_over(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def _merged(earlier: Manifest, new: Description, kept: list[Entry]) -> Description:
    files = {str(entry.path) for entry in kept}
    return structs.replace(
        new,
        artifacts=sorted([*new.artifacts, *kept], key=_order),
        names=Names(
            _joined(earlier.names.inputs, new.names.inputs, files),
            _joined(earlier.names.outputs, new.names.outputs, files),
        ),
        warnings=list(dict.fromkeys([*new.warnings, *(earlier.warnings if kept else ())])),
    )


def _joined(earlier: Places, new: Places, files: Collection[str]) -> Places:
    return {
        port: entries
        | {name: entry for name, entry in earlier.get(port, {}).items() if name in files}
        for port, entries in new.items()
    }


def _order(entry: Entry) -> tuple[int, int]:
    return list(FORMATS).index(entry.format), list(PRECISIONS).index(entry.precision)
