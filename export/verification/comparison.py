"""Is this output that output? Figures and a verdict, in NumPy alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from msgspec import Struct, to_builtins

from export.base.parts import WHOLE, Parts
from export.base.visible import visible
from export.verification.figures import Figures, Stored, worst
from export.verification.measure import measure
from export.verification.noise import ranges
from export.verification.precisions import tolerances
from export.verification.tolerances import Tolerances

Arrays = Mapping[str, np.ndarray]


class Verification(Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison as it is stored; `outputs` holds the figures of each, see there."""

    equivalent: bool
    problems: list[str]
    warnings: list[str]
    tolerances: Tolerances
    outputs: list[dict[str, Stored]]


@dataclass(frozen=True)
class Comparison:
    """Every output of an artefact against the reference; truthy when it is equivalent.

    Attributes:
        figures: one record per output and run.
        problems: what no figure can express: a missing output, a crash of the runtime.
        warnings: reasons to trust the verdict less, such as a reference that never varies.
        tolerances: the bounds that were applied.
    """

    figures: tuple[Figures, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tolerances: Tolerances = field(default_factory=Tolerances)

    def __bool__(self) -> bool:
        return bool(self.figures) and not self.problems and all(f.passed for f in self.figures)

    @property
    def outputs(self) -> dict[str, Figures]:
        """The figures of each output over all runs, by name."""
        names = dict.fromkeys(figures.name for figures in self.figures)
        return {name: worst([f for f in self.figures if f.name == name]) for name in names}

    @property
    def max_abs(self) -> float:
        """Largest absolute error of any output in any run."""
        return max((figures.max_abs for figures in self.figures), default=float("nan"))

    def record(self) -> Verification:
        """What a manifest tells of it."""
        return Verification(
            equivalent=bool(self),
            problems=list(self.problems),
            warnings=list(self.warnings),
            tolerances=self.tolerances,
            outputs=[figures.to_dict() for figures in self.outputs.values()],
        )

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values, for JSON."""
        return dict(to_builtins(self.record()))

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        lines = ["equivalent" if self else "NOT equivalent"]
        lines += [str(figures) for figures in self.outputs.values()]
        lines += [f"problem: {problem}" for problem in self.problems]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(map(visible, lines))


def compare(
    reference: Arrays,
    result: Arrays,
    *,
    original: Arrays | None = None,
    moved: Arrays | None = None,
    precision: str = "float32",
    rtol: float | None = None,
    atol: float | None = None,
    min_sqnr: float | None = None,
    bounds: Tolerances | None = None,
    units: Mapping[str, float] | None = None,
    parts: Mapping[str, Parts] | None = None,
    run: str = "",
    labels: Sequence[str] = (),
    varied: bool = True,
) -> Comparison:
    """Compares outputs by name, each example against its own scale.

    Args:
        reference: the truth, by output name; the first axis is the batch. Usually float64.
        result: what the artefact gave.
        original: what the original model gave in its own precision, if known. It sets the dtypes to
            expect, and the noise that is normal for this model.
        moved: what it gives with its coordinates moved, if it resizes; noise of the same kind.
        precision: which default bounds apply, see `export.verification.precisions`.
        rtol: replaces the default, see `Tolerances`.
        atol: replaces the default.
        min_sqnr: replaces the default, in decibel.
        bounds: all of these at once.
        units: by output name, the least scale of an example; see `export.keras_model.output_scale`.
        parts: by output name, what is judged apart where noise is; see
            `export.keras_model.output_parts`.
        run: a label for the records.
        labels: what each example of the batch was made of.
        varied: whether the inputs of the examples differ.

    Returns:
        A `Comparison`, truthy when every output is there and within its bounds. NaN never equals.
    """
    bounds = bounds or tolerances(precision, rtol, atol, min_sqnr)
    missing = [f"output {name!r} is missing" for name in reference if name not in result]
    extra = [f"output {name!r} is not the model's" for name in result if name not in reference]
    shared = [name for name in reference if name in result]
    figures = tuple(
        measure(
            name,
            reference[name],
            result[name],
            (original or {}).get(name),
            bounds,
            run,
            (units or {}).get(name, 0.0),
            labels,
            (moved or {}).get(name),
            (parts or {}).get(name, WHOLE),
        )
        for name in shared
    )
    flat = [name for name in shared if varied and _degenerate(reference[name])]
    warnings = tuple(
        f"output {name!r} is the same for every input; it proves little" for name in flat
    )
    if bounds.min_sqnr is not None:
        warnings += tuple(_lost(each) for each in figures if each.lost and each.passed)
    return Comparison(figures, tuple(missing + extra), warnings, bounds)


def merge(comparisons: Iterable[Comparison]) -> Comparison:
    """Several runs as one; equivalent when each of them is."""
    parts = list(comparisons)
    return Comparison(
        tuple(figures for part in parts for figures in part.figures),
        tuple(dict.fromkeys(problem for part in parts for problem in part.problems)),
        tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
        parts[0].tolerances if parts else Tolerances(),
    )


def _lost(figures: Figures) -> str:
    return (
        f"channels {ranges(figures.lost)} of output {figures.name!r} tell nothing in 8 bits beside "
        "larger ones; make them an output of their own, or use int16x8 (TFLite)"
    )


def _degenerate(reference: np.ndarray) -> bool:
    """True when several examples were given and the output is the same for all."""
    if reference.ndim == 0 or len(reference) < 2 or reference.dtype.kind not in "fc":
        return False
    spread = np.ptp(reference.astype(np.float64), axis=0).max(initial=0.0)
    return bool(spread <= 1e-6 * np.abs(reference).max(initial=0.0))
