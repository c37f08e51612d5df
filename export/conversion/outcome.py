"""What became of one file that was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from export.base.artifact import Artifact
from export.base.errors import ExportError
from export.verification.comparison import Comparison, Verification


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that was not written, the same in every run; see `Outcome`."""

    path: str
    format: str
    precision: str
    error: str
    exit_code: int
    layer: str
    verification: Verification | None


@dataclass(frozen=True)
class Outcome:
    """One file: written and verified, or not and why.

    Attributes:
        file: its name.
        format: "onnx", "tflite"; "keras" for the folded model.
        precision: see `export.verification.precisions`.
        seconds: that it took; the first file of a format includes the conversion of all.
        artifact: what was written; None where nothing was.
        comparison: its figures; None where it was never run.
        error: why nothing was written.
    """

    file: str
    format: str
    precision: str
    seconds: float = 0.0
    artifact: Artifact | None = None
    comparison: Comparison | None = None
    error: ExportError | None = None

    @property
    def failure(self) -> Failure:
        """What a manifest tells of it, where nothing was written."""
        return Failure(
            path=self.file,
            format=self.format,
            precision=self.precision,
            error=str(self.error or ""),
            exit_code=self.error.exit_code if self.error else 0,
            layer=self.error.layer if self.error else "",
            verification=None if self.comparison is None else self.comparison.record(),
        )


def written(outcomes: Iterable[Outcome]) -> tuple[tuple[Artifact, Comparison], ...]:
    """Each file that was written, with its verification."""
    return tuple(
        (outcome.artifact, outcome.comparison)
        for outcome in outcomes
        if outcome.artifact and outcome.comparison is not None
    )
