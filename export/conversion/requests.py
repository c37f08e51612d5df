"""What a call of `to_onnx` or `to_tflite` asks for, and what it has to be told."""

import warnings
from collections.abc import Mapping
from pathlib import Path

from export.base.errors import InputError
from export.base.files import refuse_existing
from export.base.paths import given_path
from export.conversion.outcome import Outcome
from export.conversion.writer import Writer
from export.verification.precisions import precision_of


def refuse_idle(precision: str, integer_io: bool, min_sqnr: float | None) -> None:
    """Raises InputError for an argument that the precision can't follow."""
    row = precision_of(precision)
    if integer_io and not row.calibrated:
        raise InputError(
            f"integer_io needs integers at the ports, and {precision} has none; give "
            "precision='int8' or leave integer_io out"
        )
    if min_sqnr is not None and row.tolerances.min_sqnr is None:
        raise InputError(
            f"min_sqnr judges quantized files, and {precision} is none; give another precision or "
            "leave min_sqnr out"
        )


def check_arguments(paths: Mapping[str, Path], writer: Writer, overwrite: bool) -> None:
    """Raises InputError for a path that can't be written, or a batch that is no size."""
    suffix, batch = writer.engine.suffix, writer.batch
    for path in map(given_path, paths.values()):
        if path.suffix != suffix:
            raise InputError(f"{path.name!r} does not end in {suffix}; give it that suffix")
        refuse_existing(path, overwrite)
    for row in map(precision_of, paths):
        if writer.name not in row.formats:
            raise InputError(
                f"no {suffix} file holds {row.name}; use another precision, or {row.formats[0]}"
            )
    if batch is not None and batch < 1:
        raise InputError(f"a batch of {batch} is not a size; give a positive one or None")


def warn_of_noise(outcome: Outcome) -> None:
    """Warns of what makes a quantized file doubtful."""
    if precision_of(outcome.precision).tolerances.min_sqnr is None:
        return
    doubts = outcome.comparison.warnings if outcome.comparison else ()
    notes = outcome.artifact.notes if outcome.artifact else ()
    for doubt in dict.fromkeys((*doubts, *notes)):
        warnings.warn(f"{outcome.file}: {doubt}", stacklevel=4)
