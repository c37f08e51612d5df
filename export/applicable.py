"""Options that fit no file and no layer: each is an error before anything is written."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatch

from export.base.errors import InputError
from export.options import Options


def refuse_missing(options: Options) -> None:
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


def refuse_labels(labels: Sequence[str], sizes: Sequence[int | None]) -> None:
    """Raises InputError where there are labels and no output has one value for each.

    Args:
        labels: names of classes.
        sizes: of the last axis of each output.
    """
    if labels and len(labels) not in sizes:
        raise InputError(
            f"there are {len(labels)} labels, and the outputs end in {list(sizes)} values; "
            "give one label for each class"
        )
