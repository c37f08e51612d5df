"""What stands in `manifest.json`, as types; to read one is to check it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct, to_builtins

from export.base.artifact import Artifact
from export.conversion.outcome import Failure
from export.loading.private_copy import Sha256, Size, Source
from export.publishing.publish import REFERENCE
from export.verification.comparison import Verification
from export.verification.precisions import PRECISIONS

SCHEMA: Final = "fleras manifest 1"


@dataclass(frozen=True, kw_only=True)
class Entry(Artifact):
    """An artefact, by its bare name, with what it was found to be."""

    verification: Verification

    @property
    def names(self) -> list[str]:
        """Of all its files."""
        return [str(self.path), *self.files]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file calls an input or output, and where it is among them."""

    name: str
    index: int


Places = dict[str, dict[str, Place]]


class Names(Struct, frozen=True, forbid_unknown_fields=True):
    """The places of each Keras input and output, by file."""

    inputs: Places
    outputs: Places


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    """What the files were run on, and where that is stored."""

    file: Literal["reference.npz"]
    batches: list[list[str]]
    independent: bool
    warnings: list[str]


class StoredFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file beside the manifest."""

    sha256: Sha256
    size: Size


class Description(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the hashes of the files; nothing in it depends on the time or the place.

    Attributes:
        schema: the version of this form.
        source: what was exported.
        versions: of each package that had a part in it.
        fold: what became of each batch norm, see `fold.report.report.Report`.
        folded: the folded Keras model against the original.
        artifacts: the files.
        failed: what was asked for and not written.
        names: what they call inputs and outputs.
        reference: what they were compared on.
        warnings: what a user should know.
    """

    schema: Literal["fleras manifest 1"]
    source: Source
    versions: dict[str, str]
    fold: dict[str, Any]
    folded: Verification
    artifacts: list[Entry]
    failed: list[Failure]
    names: Names
    reference: Tried
    warnings: list[str]


def plain(description: Description) -> dict[str, Any]:
    """The same as JSON has it."""
    return dict(to_builtins(description, enc_hook=str))


class Manifest(Description, frozen=True, forbid_unknown_fields=True):
    """The whole of `manifest.json`.

    Attributes:
        files: every file beside it, by name.
        digest: see `export.publishing.digest`.
    """

    files: dict[str, StoredFile]
    digest: Sha256

    def __post_init__(self) -> None:
        """Raises ValueError where parts of it contradict each other, or nothing is there."""
        if not self.artifacts:
            raise ValueError("it lists no artefact to verify")
        known = {str(entry.path) for entry in self.artifacts} | {REFERENCE}
        if not known <= self.files.keys() or any(Path(name).name != name for name in self.files):
            raise ValueError("it names files that are not its own")
        if unknown := {entry.precision for entry in self.artifacts} - PRECISIONS.keys():
            raise ValueError(f"it tells an unknown precision, {unknown.pop()!r}")
