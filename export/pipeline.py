"""From the file of a model to a directory of verified artefacts: the code of `fleras export`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from export.applicable import refuse_labels, refuse_missing, refuse_unmatched
from export.base.arrays import read_arrays
from export.base.errors import InputError, NotEquivalent, Withheld
from export.base.log import LOG
from export.base.paths import given_path
from export.conversion.outcome import Outcome, written
from export.formats import FORMATS
from export.loading.load_model import open_model
from export.loading.private_copy import Source
from export.loading.source import refuse_empty
from export.options import Options
from export.processes import child
from export.publishing.earlier import keep_earlier, read_earlier, refuse_other_model
from export.publishing.exported import Exported as Exported
from export.publishing.manifest import describe_export, write_manifest
from export.publishing.publish import (
    FOLDED,
    MANIFEST,
    REFERENCE,
    REPORT,
    refuse_existing,
    staged,
)
from export.publishing.schema import Manifest, plain
from export.publishing.wording import complaint_of, failure_of, metadata_of, warnings_of
from export.verification.comparison import Comparison
from export.verification.precisions import DEFAULT
from export.verification.reference import Reference

Announce = Callable[[str], None]


def export(
    source: str | Path,
    directory: str | Path,
    options: Options | None = None,
    announce: Announce = lambda step: None,
) -> Exported:
    """Loads, folds, converts, verifies and writes every file that passes, together as one set.

    Args:
        source: what `export.load_model` takes.
        directory: where to write.
        options: see there; by default both formats in float32.
        announce: is told of each step before it begins; so is the logger `fleras`, at level INFO.

    Raises:
        InputError: the file or the options are not usable, or files are in the way.
        ConversionError: a format can't express the model.
        NotEquivalent: a file does not compute what the model computes. With either,
            `error.exported` tells the files that were written all the same, which are none with
            `options.strict`; the manifest and the page tell of all.
    """
    source, directory = Path(source), given_path(directory)
    options, announce = options or Options(), _logged(announce)
    refuse_missing(options)
    files = {name for form in options.forms() for name in options.files(form).values()}
    names = files | {FOLDED, REFERENCE, REPORT, MANIFEST}
    refuse_existing(directory, names, options.overwrite)
    refuse_empty(source)
    with _disk_errors(directory), staged(directory, options.overwrite) as stage:
        earlier = read_earlier(directory)
        exported = _make(
            source,
            stage,
            options,
            announce,
            lambda origin, fold: refuse_other_model(directory, earlier, origin, fold, files),
        )
        if earlier and not exported.artifacts:
            raise failure_of(exported.outcomes, None) from exported.failures[0].error
        announce("Writing the manifest")
        exported = _write(stage, exported, options, directory, earlier)
    if exported.failures:
        error = failure_of(exported.outcomes, directory)
        error.exported = exported
        raise error from exported.failures[0].error
    return exported


def fold_model(model: Any, options: Options) -> tuple[Any, Any]:
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


def _make(
    source: Path,
    stage: Path,
    options: Options,
    announce: Announce,
    refuse: Callable[[Source, Mapping[str, Any]], None],
) -> Exported:
    child.start()
    announce(f"Loading {source.name}")
    original, origin = open_model(
        source, options.custom_objects, options.weights, options.lambdas, options.trust
    )
    from export.keras_model.metadata import preprocessing
    from export.keras_model.ports import outputs
    from export.keras_model.prepare import prepare
    from export.verification.make_reference import compare_model, make_reference

    made = outputs(prepare(original).model) if options.labels else ()
    refuse_labels(options.labels, [port.shape[-1] if port.shape else None for port in made])
    data = _calibration(original, options)
    given = _inputs(original, options, data)
    announce("Folding batch norms")
    model, report = fold_model(original, options)
    refuse(origin, report.to_dict())
    announce("Running the original in float64")
    reference = make_reference(original, given, options.fixed_batch)
    folded = compare_model(reference, model, **options.tolerances())
    metadata = metadata_of(origin, report, preprocessing(original), options)
    outcomes = _folded_wrong(folded)
    for form in options.forms() if not outcomes else ():
        outcomes += _write_format(announce, model, stage, form, metadata, reference, data, options)
    if options.strict and any(outcome.error for outcome in outcomes):
        outcomes = [_withheld(outcome, stage) for outcome in outcomes]
    notes = warnings_of(report, reference, written(outcomes))
    content = describe_export(origin, report.to_dict(), folded, outcomes, reference, notes)
    return Exported(content, report, folded, tuple(outcomes), original, model, reference)


def _folded_wrong(folded: Comparison) -> list[Outcome]:
    """The failure that every file would share; none where the folded model is right."""
    if not (complaint := complaint_of({FOLDED: folded})):
        return []
    error = NotEquivalent(complaint)
    error.comparison = folded
    return [Outcome(FOLDED, "keras", DEFAULT, comparison=folded, error=error)]


def _withheld(outcome: Outcome, stage: Path) -> Outcome:
    """With `strict`, what passed is not written either."""
    if outcome.artifact is None:
        return outcome
    for name in (outcome.file, *outcome.artifact.files):
        (stage / name).unlink()
    return replace(outcome, artifact=None, error=Withheld("passed, and not written: --strict"))


def _calibration(model: Any, options: Options) -> Any:
    """The representative examples, or where they are; images are read once, for all files."""
    from export.keras_model.calibration_sources import LIMIT
    from export.keras_model.images import image_files, read_images

    if options.calibration is None or not (files := image_files(options.calibration)):
        return options.calibration
    return read_images(model, files, options.image_range, LIMIT)


def _inputs(model: Any, options: Options, calibration: Any) -> Any:
    """The user's examples; for int8, where there are none, some it is not calibrated with."""
    held_out = None
    if calibration is not None:
        from export.keras_model.calibration import calibration_of
        from export.keras_model.prepare import prepare

        held_out = calibration_of(prepare(model).model, calibration, model).held_out
    return read_arrays(options.inputs) if options.inputs else held_out


def _write_format(
    announce: Announce,
    model: Any,
    stage: Path,
    form: str,
    metadata: dict[str, str],
    reference: Reference,
    calibration: Any,
    options: Options,
) -> Iterator[Outcome]:
    names = options.files(form)
    outcomes = FORMATS[form].write(
        model,
        {precision: stage / name for precision, name in names.items()},
        metadata=metadata,
        calibration=calibration,
        reference=reference,
        tolerances=options.tolerances(),
        **options.settings(form),
    )
    for name in names.values():
        announce(f"Writing and verifying {name}")
        yield next(outcomes)


def _write(
    stage: Path, exported: Exported, options: Options, directory: Path, earlier: Manifest | None
) -> Exported:
    from export.keras_model.save import save_model
    from export.report.page import render

    content = exported.description
    if exported.artifacts:
        if options.fold:
            save_model(exported.model, stage / FOLDED)
        exported.reference.save(stage / REFERENCE)
        content = keep_earlier(directory, stage, earlier, content, exported.reference)
    if options.report:
        (stage / REPORT).write_text(render(plain(content)), encoding="utf-8")
    write_manifest(stage, content)
    return replace(exported, description=content)


def _logged(announce: Announce) -> Announce:
    def both(step: str) -> None:
        LOG.info(step)
        announce(step)

    return both


@contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"can't write into {directory} ({error.strerror or error}); "
            "free some space or choose another directory"
        ) from error
