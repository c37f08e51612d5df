"""Options that would change nothing: each is an error, before anything is loaded."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from export.base.errors import InputError
from export.verification.precisions import PRECISIONS

if TYPE_CHECKING:
    from export.options import Options

OPSET = 18


def refuse_idle(options: "Options") -> None:
    """Raises InputError for an option that none of the wanted files can follow."""
    calibrated = any(PRECISIONS[name].calibrated for name in options.precisions)
    noisy = any(PRECISIONS[p].tolerances.min_sqnr is not None for p in options.precisions)
    onnx, tflite = "onnx" in options.formats, "tflite" in options.formats
    idle = (
        ("--integer-io", options.integer_io and not calibrated, "add --precision int8"),
        ("--calibration", bool(options.calibration) and not calibrated, "add --precision int8"),
        ("--min-sqnr", options.min_sqnr is not None and not noisy, "add --precision int8"),
        ("--nchw", options.nchw and not onnx, "add --format onnx"),
        ("--opset", options.opset != OPSET and not onnx, "add --format onnx"),
        ("--allow-flex", options.allow_flex and not tflite, "add --format tflite"),
        ("--keep", bool(options.keep) and not options.fold, "leave out --no-fold"),
    )
    for name, wrong, advice in idle:
        if wrong:
            raise InputError(
                f"{name} changes none of the files asked for; {advice} or leave it out"
            )


def refuse_missing(options: "Options") -> None:
    """Raises InputError for a path among the options where nothing is."""
    for name, path in (("--inputs", options.inputs), ("--calibration", options.calibration)):
        if path is not None and not path.exists():
            raise InputError(f"there is no file {path}, given with {name}; check the name")


def refuse_unmatched(patterns: Iterable[str], names: Sequence[str]) -> None:
    """Raises InputError for a pattern that no batch norm's name matches, with the nearest names."""
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            near = get_close_matches(pattern, names, 3, 0.4) or list(names[:3])
            known = f"the nearest are {', '.join(near)}" if near else "the model has none"
            raise InputError(f"--keep {pattern!r} matches no batch norm; {known}")
