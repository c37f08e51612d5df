"""What the original model computes, in float64 and in its own precision, on inputs that stay."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from export.base.arrays import read_arrays
from export.base.errors import InputError
from export.base.parts import Parts

Arrays = dict[str, np.ndarray]
STRESS = ("large", "bytes")
GIVEN = "given"
RATIO = 100
BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Case:
    """One batch: what goes in, what must come out.

    Attributes:
        labels: where each example comes from: a range's name, or "given".
        inputs: by input name.
        truth: the original model in float64, by output name.
        original: the original model in float32, by output name.
        moved: the original model in float64 with the coordinates of its bilinear resizing moved by
            a unit of their last place in float32; empty where it resizes nothing.
    """

    labels: tuple[str, ...]
    inputs: Arrays
    truth: Arrays
    original: Arrays
    moved: Arrays = field(default_factory=dict)

    @property
    def varied(self) -> bool:
        """Whether its examples are not all the same."""
        return any(bool((values != values[:1]).any()) for values in self.inputs.values())

    def examples(self, start: int, stop: int) -> "Case":
        """The examples from `start` to before `stop`."""
        return self.pick(np.arange(start, min(stop, len(self.labels))))

    def pick(self, indices: np.ndarray) -> "Case":
        """The examples with these indices."""
        parts = (self.inputs, self.truth, self.original, self.moved)
        kept = [{name: values[indices] for name, values in part.items()} for part in parts]
        return Case(tuple(self.labels[i] for i in indices), *kept)


@dataclass(frozen=True)
class Reference:
    """The cases to replay on an artefact.

    Attributes:
        cases: at least two batch sizes.
        independent: whether an example's output is its own, whatever else is in the batch. A batch
            norm called with `training=True` makes it otherwise; then batches can't be cut.
        warnings: what could not be tried.
        units: of the outputs, see `export.keras_model.output_scale`.
        parts: of joined outputs, see `export.keras_model.output_parts`.
    """

    cases: tuple[Case, ...]
    independent: bool = True
    warnings: tuple[str, ...] = ()
    units: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Parts] = field(default_factory=dict)

    def typical(self) -> "Reference":
        """The user's own examples where there are any, else those of no stress range.

        A file whose activations are integers was calibrated for these and saturates beyond.
        """
        given = tuple(case for case in self.cases if GIVEN in case.labels)
        if given or not self.independent:
            return replace(self, cases=given or self.cases)
        calm = [np.flatnonzero([label not in STRESS for label in c.labels]) for c in self.cases]
        return replace(self, cases=tuple(c.pick(i) for c, i in zip(self.cases, calm, strict=True)))

    def one_range_at_a_time(self) -> "Reference":
        """The same examples in batches that don't mix ranges, where batches can be cut."""
        if not self.independent:
            return self
        cases = [
            case.pick(np.flatnonzero([each == label for each in case.labels]))
            for case in self.cases
            for label in dict.fromkeys(case.labels)
        ]
        return replace(self, cases=tuple(cases))

    def at_batch(self, batch: int | None) -> tuple[Case, ...]:
        """The cases cut to a fixed batch; only those that have that size when they can't be cut."""
        if batch is None:
            return self.cases
        if not self.independent:
            return tuple(case for case in self.cases if len(case.labels) == batch)
        starts = [(case, at) for case in self.cases for at in range(0, len(case.labels), batch)]
        return tuple(_filled(case.examples(at, at + batch), batch) for case, at in starts)

    def save(self, path: Path) -> None:
        """Writes a compressed `.npz` whose bytes depend on the content alone."""
        arrays: Arrays = {}
        cases = [
            {"labels": case.labels, **{part: _store(arrays, getattr(case, part)) for part in PARTS}}
            for case in self.cases
        ]
        index = {
            "cases": cases,
            "independent": self.independent,
            "warnings": self.warnings,
            "units": self.units,
            "parts": {
                name: [_store(arrays, {"labels": part.labels})["labels"], part.units]
                for name, part in self.parts.items()
            },
        }
        arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """Reads what `save` wrote.

        Raises:
            InputError: it is something else.
        """
        try:
            stored: Any = read_arrays(path, RATIO)
            index = json.loads(stored["index"].tobytes())
            cases = tuple(_case(case, stored) for case in index["cases"])
            units = {name: float(unit) for name, unit in index.get("units", {}).items()}
            warnings = tuple(str(warning) for warning in index["warnings"])
            parts = {
                name: Parts(stored[key], tuple(map(float, each)))
                for name, (key, each) in index.get("parts", {}).items()
            }
            return cls(cases, bool(index["independent"]), warnings, units, parts)
        except (InputError, *BROKEN) as error:
            raise InputError(f"{path.name} holds no reference; export again") from error


PARTS = ("inputs", "truth", "original", "moved")


def _store(arrays: Arrays, part: Mapping[str, np.ndarray]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, values in part.items():
        keys[name] = f"array{len(arrays)}"
        arrays[keys[name]] = values
    return keys


def _case(entry: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> Case:
    parts = [{name: stored[key] for name, key in entry.get(part, {}).items()} for part in PARTS]
    case = Case(tuple(str(label) for label in entry["labels"]), *parts)
    arrays = [values for part in parts for values in part.values()]
    if not case.labels or not arrays or min(values.ndim for values in arrays) < 1:
        raise ValueError("no batch of examples")
    return case


def _filled(case: Case, batch: int) -> Case:
    """A last, shorter piece is filled up by repeating its last example."""
    return case.pick(np.minimum(np.arange(batch), len(case.labels) - 1))
