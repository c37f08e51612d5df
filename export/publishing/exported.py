"""What an export made."""

from dataclasses import dataclass, field
from typing import Any

from export.base.artifact import Artifact
from export.conversion.outcome import Outcome, written
from export.publishing.schema import Description, plain
from export.verification.comparison import Comparison
from export.verification.reference import Reference


@dataclass(frozen=True)
class Exported:
    """A set of verified files, and what each was made from and compared with.

    Attributes:
        description: what `manifest.json` tells besides the hashes of the files.
        fold: what became of each batch norm.
        folded: the folded Keras model against the original.
        outcomes: what became of each file that was asked for.
        original: the Keras model as it was loaded.
        model: the folded Keras model.
        reference: what everything was compared against.
    """

    description: Description
    fold: Any
    folded: Comparison
    outcomes: tuple[Outcome, ...]
    original: Any = field(repr=False)
    model: Any = field(repr=False)
    reference: Reference = field(repr=False)

    @property
    def manifest(self) -> dict[str, Any]:
        """The description as plain values, as in `manifest.json`."""
        return plain(self.description)

    @property
    def artifacts(self) -> tuple[tuple[Artifact, Comparison], ...]:
        """Each file that was written, with its verification."""
        return written(self.outcomes)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """What was not written, each with its error."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)
