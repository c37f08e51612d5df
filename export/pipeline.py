"""From the file of a model to a directory of verified artefacts: the code of `fleras export`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from export.applicable import refuse_missing, refuse_unmatched
from export.base.arrays import read_arrays
from export.base.errors import InputError, NotEquivalent
from export.formats import FORMATS, Pair
from export.loading.load_model import open_model
from export.loading.source import refuse_empty
from export.options import Options
from export.processes import child
from export.publishing.manifest import REFERENCE, describe, write_manifest
from export.publishing.publish import MANIFEST, refuse_existing
from export.publishing.stage import staged
from export.publishing.wording import complaint_of, metadata_of, warnings_of
from export.verification.comparison import Comparison
from export.verification.reference import Reference

FOLDED = "folded.keras"
REPORT = "report.html"
EXAMPLES = 64
Say = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What an export made.

    Attributes:
        manifest: the content of `manifest.json`, without the hashes of the files.
        fold: what became of each batch norm.
        folded: the folded Keras model against the original.
        artifacts: each file with its verification.
        original: the Keras model as it was loaded.
        model: the folded Keras model.
        reference: what everything was compared against.
    """

    manifest: dict[str, Any]
    fold: Any
    folded: Comparison
    artifacts: tuple[Pair, ...]
    original: Any = field(repr=False)
    model: Any = field(repr=False)
    reference: Reference = field(repr=False)


def export(
    source: str | Path,
    directory: str | Path,
    options: Options | None = None,
    say: Say = lambda step: None,
) -> Exported:
    """Loads, folds, converts, verifies and writes: all files or none.

    Args:
        source: what `export.load_model` takes.
        directory: where to write.
        options: see there; by default both formats in float32.
        say: is told of each step before it begins.

    Raises:
        InputError: the file or the options are not usable, or files are in the way.
        ConversionError: a format can't express the model.
        NotEquivalent: a file does not compute what the model computes; nothing was written.
    """
    source, directory, options = Path(source), Path(directory), options or Options()
    refuse_missing(options)
    files = {name for form in options.forms() for name in options.files(form).values()}
    names = files | {FOLDED, REFERENCE, REPORT, MANIFEST}
    refuse_existing(directory, names, options.overwrite)
    refuse_empty(source)
    with _disk_errors(directory), staged(directory, options.overwrite) as stage:
        exported = _make(source, stage, options, say)
        say("Writing the manifest")
        _write(stage, exported, options)
    return exported


def fold(model: Any, options: Options) -> tuple[Any, Any]:
    """The model without its batch norms, and what became of each.

    Raises:
        InputError: a batch norm's statistics are no numbers, or no batch norm has a name to keep.
    """
    from fold import FoldError, fold_batch_norms

    keep = options.keep if options.fold else ("*",)
    try:
        result = fold_batch_norms(model, keep=keep, merge_branches=options.merge_branches)
    except FoldError as error:
        raise InputError(" ".join(str(error).split())) from error
    if options.fold:
        refuse_unmatched(options.keep, [record.name for record in result.report])
    return (result.model if options.fold else model), result.report


def _make(source: Path, stage: Path, options: Options, say: Say) -> Exported:
    child.start()
    say(f"Loading {source.name}")
    original, origin = open_model(source, options.custom_objects, options.weights, options.lambdas)
    from export.verification.make_reference import compare_model, make_reference

    say("Folding batch norms")
    model, report = fold(original, options)
    say("Running the original in float64")
    reference = make_reference(original, _inputs(original, options), options.fixed_batch)
    folded = compare_model(reference, model, **options.tolerances())
    metadata = metadata_of(origin, report)
    if complaint := complaint_of({FOLDED: folded}):
        raise NotEquivalent(complaint)
    pairs: list[Pair] = []
    for form in options.forms():
        say(f"Writing and verifying {', '.join(options.files(form).values())}")
        pairs += _write_format(model, stage, form, metadata, reference, options)
    notes = warnings_of(report, reference, pairs)
    content = describe(origin, report.to_dict(), folded, pairs, reference, notes)
    return Exported(content, report, folded, tuple(pairs), original, model, reference)


def _inputs(model: Any, options: Options) -> Any:
    """The user's examples; for int8, where there are none, a few of those it is calibrated with."""
    if options.inputs or options.calibration is None:
        return read_arrays(options.inputs) if options.inputs else None
    from export.keras_model.calibration import batches

    singles = batches(model, options.calibration)[:EXAMPLES]
    return {name: np.concatenate([single[name] for single in singles]) for name in singles[0]}


def _write_format(
    model: Any,
    stage: Path,
    form: str,
    metadata: dict[str, str],
    reference: Reference,
    options: Options,
) -> list[Pair]:
    paths = {precision: stage / name for precision, name in options.files(form).items()}
    return FORMATS[form].write(
        model,
        paths,
        metadata=metadata,
        calibration=options.calibration,
        reference=reference,
        tolerances=options.tolerances(),
        **options.settings(form),
    )


def _write(stage: Path, exported: Exported, options: Options) -> None:
    from export.keras_model.save import save_model
    from export.report.page import render

    if options.fold:
        save_model(exported.model, stage / FOLDED)
    exported.reference.save(stage / REFERENCE)
    if options.report:
        (stage / REPORT).write_text(render(exported.manifest), encoding="utf-8")
    write_manifest(stage, exported.manifest)


@contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"can't write into {directory} ({error.strerror or error}); "
            "free some space or choose another directory"
        ) from error
