"""An export in words: what goes into the files, what to warn of, what to complain of."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from export.base.artifact import Artifact
from export.base.errors import ExportError, Withheld
from export.conversion.outcome import Outcome
from export.loading.private_copy import Source
from export.options import Options
from export.verification.advice import worst_of, would_pass
from export.verification.comparison import Comparison
from export.verification.reference import Reference

Pair = tuple[Artifact, Comparison]


def metadata_of(
    origin: Source, report: Any, preprocessing: list[str], options: Options
) -> dict[str, str]:
    """What goes into the files themselves; what the user gives wins.

    Args:
        origin: where the model comes from.
        report: what became of the batch norms.
        preprocessing: layers of the original that prepare its inputs.
        options: labels and further entries.
    """
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    labels = {"labels": json.dumps(options.labels, ensure_ascii=False)} if options.labels else {}
    return {
        "source_sha256": origin.sha256,
        "batch_norms": counts,
        "preprocessing": json.dumps(preprocessing),
        **labels,
        **dict(options.metadata),
    }


def warnings_of(report: Any, reference: Reference, pairs: Iterable[Pair]) -> list[str]:
    """What a user should know although everything went well, each thing once."""
    pairs = list(pairs)
    training = [record.name for record in report if record.code == "training_true"]
    called = [
        f"batch norm {name!r} is called with training=True and stays as it is; "
        "in predict and in the files it uses its moving statistics"
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
        "try --no-fold, another precision or a wider tolerance"
    )


def failure_of(outcomes: Sequence[Outcome], directory: Path | None) -> ExportError:
    """What failed, as one error: that of a conversion before that of a comparison.

    Args:
        outcomes: of every file that was asked for, at least one of them failed.
        directory: where the report is, and the files that passed; None where nothing was written.
    """
    failed = [o for o in outcomes if o.error and not isinstance(o.error, Withheld)]
    errors = [outcome.error for outcome in failed if outcome.error]
    first = max(errors, key=lambda error: error.exit_code)
    written = sum(outcome.artifact is not None for outcome in outcomes)
    count = f" ({len(failed)} of {len(outcomes)} files)" if len(outcomes) > 1 else ""
    parts = [f"{', '.join(outcome.file for outcome in failed)} failed{count}: {first}"]
    if directory is None:
        parts.append("what an earlier export left was not touched")
    elif written:
        others = "the other file" if written == 1 else f"the other {written} files"
        parts.append(f"{others} and the report are in {directory}")
    else:
        parts.append(f"only the report is in {directory}")
    comparison = first.comparison
    if comparison is not None and (worst := worst_of(comparison)) and not worst.passed:
        parts.append(would_pass(worst, comparison.tolerances))
    error = type(first)("; ".join(parts))
    error.layer, error.comparison = first.layer, comparison
    return error
