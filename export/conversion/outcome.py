"""What became of one file that was asked for."""

from dataclasses import dataclass
from typing import Any

from export.base.artifact import Artifact
from export.base.errors import ExportError
from export.verification.comparison import Comparison


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

    def to_dict(self) -> dict[str, Any]:
        """A failure as plain values for JSON; the same in every run."""
        return {
            "path": self.file,
            "format": self.format,
            "precision": self.precision,
            "error": str(self.error or ""),
            "exit_code": self.error.exit_code if self.error else 0,
            "layer": self.error.layer if self.error else "",
            "verification": None if self.comparison is None else self.comparison.to_dict(),
        }
