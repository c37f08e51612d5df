"""The manifest beside the artefacts: what they are, where they come from, how right they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from export.base.artifact import Artifact
from export.base.errors import InputError
from export.base.files import sha256
from export.conversion.outcome import Outcome, written
from export.loading.private_copy import Source
from export.publishing.digest import render
from export.publishing.publish import MANIFEST, REFERENCE
from export.publishing.schema import (
    SCHEMA,
    Description,
    Entry,
    Manifest,
    Names,
    Place,
    Places,
    Tried,
    plain,
)
from export.verification.comparison import Comparison
from export.verification.reference import Reference

PACKAGES = (
    "fleras", "keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy"
)  # fmt: skip
SIZE = 64 << 20


def versions() -> dict[str, str]:
    """The version of each package that has a part in an export, "absent" where it is not there."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def describe_export(
    source: Source,
    fold: Mapping[str, Any],
    folded: Comparison,
    outcomes: Sequence[Outcome],
    reference: Reference,
    warnings: Iterable[str],
) -> Description:
    """What a manifest tells of an export."""
    entries = [_entry(artifact, comparison) for artifact, comparison in written(outcomes)]
    return Description(
        schema=SCHEMA,
        source=source,
        versions=versions(),
        fold=dict(fold),
        folded=folded.record(),
        artifacts=entries,
        failed=[outcome.failure for outcome in outcomes if outcome.error],
        names=Names(_places(entries, "inputs"), _places(entries, "outputs")),
        reference=Tried(
            file=REFERENCE,
            batches=[list(case.labels) for case in reference.cases],
            independent=reference.independent,
            warnings=list(reference.warnings),
        ),
        warnings=list(warnings),
    )


def write_manifest(directory: Path, description: Description) -> None:
    """Adds the hash and size of every file in `directory`, and writes `manifest.json` there.

    Artefacts have theirs from when they were written.
    """
    known: dict[str, str] = {}
    for entry in description.artifacts:
        known |= {str(entry.path): entry.sha256, **entry.files}
    files = {
        path.name: {
            "sha256": known.get(path.name) or sha256(path),
            "size": path.stat().st_size,
        }
        for path in sorted(directory.iterdir())
        if path.name != MANIFEST
    }
    text = render({**plain(description), "files": files})
    (directory / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest.

    Raises:
        InputError: it is missing, no manifest, or names a file outside its own directory.
    """
    try:
        if path.stat().st_size > SIZE:
            raise InputError(f"{path} has more than 64 MiB; it is no manifest of an export")
        text = path.read_text(encoding="utf-8")
        content = msgspec.json.decode(text)
    except OSError as error:
        raise InputError(f"can't read {path} ({error.strerror}); give a manifest.json") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON; give the manifest.json of an export") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise InputError(f"{path} is no {SCHEMA!r}; give the manifest.json of an export")
    try:
        manifest = msgspec.convert(content, Manifest, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise InputError(f"{path} is damaged: {error}; export again") from error
    if text != render(content):
        raise InputError(f"{path} is not as it was written (its digest differs); copy it again")
    return manifest


def _decode(kind: type, value: Any) -> Any:
    return kind(value)


def _entry(artifact: Artifact, comparison: Comparison) -> Entry:
    values = {field.name: getattr(artifact, field.name) for field in fields(artifact)}
    return Entry(**values | {"path": Path(artifact.path.name)}, verification=comparison.record())


def _places(entries: Iterable[Entry], side: str) -> Places:
    found: Places = {}
    for entry in entries:
        for port in getattr(entry, side):
            found.setdefault(port.name, {})[str(entry.path)] = Place(port.target, port.index)
    return found
