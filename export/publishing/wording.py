"""An export in words: what goes into the files, what to warn of, what to complain of."""

from collections.abc import Iterable, Mapping
from typing import Any

from export.base.artifact import Artifact
from export.publishing.manifest import versions
from export.verification.comparison import Comparison
from export.verification.reference import Reference

Pair = tuple[Artifact, Comparison]


def metadata_of(origin: dict[str, Any], report: Any) -> dict[str, str]:
    """What goes into the files themselves."""
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    preprocessing = ", ".join(record.name for record in report.preprocessing) or "none"
    return {
        "producer": f"fleras {versions()['fleras']}",
        "source_sha256": origin["sha256"],
        "batch_norms": counts,
        "preprocessing_layers": preprocessing,
    }


def warnings_of(report: Any, reference: Reference, pairs: Iterable[Pair]) -> list[str]:
    """What a user should know although everything went well, each thing once."""
    pairs = list(pairs)
    training = [record.name for record in report if record.code == "training_true"]
    called = [
        f"batch norm {name!r} is called with training=True and stays as it is; "
        "the files compute what model.predict computes"
        for name in training
    ]
    notes = [note for artifact, _ in pairs for note in artifact.notes]
    doubts = [warning for _, comparison in pairs for warning in comparison.warnings]
    return list(dict.fromkeys([*called, *report.notes, *notes, *reference.warnings, *doubts]))


def complaint_of(checks: Mapping[str, Comparison]) -> str:
    """One line about the files that are not equivalent; empty when all are."""
    wrong = {name: check for name, check in checks.items() if not check}
    lines = [line for check in wrong.values() for line in str(check).splitlines()]
    reasons = dict.fromkeys(line for line in lines if line.startswith(("FAIL", "problem")))
    if not wrong:
        return ""
    return (
        f"{', '.join(wrong)} does not compute what the model computes ({'; '.join(reasons)}); "
        "nothing was written, try --no-fold, another precision or a wider tolerance"
    )
