"""The error figures of one output in one run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

HIGHEST = (
    "max_abs",
    "mean_abs",
    "p99_abs",
    "max_rel",
    "original_max_abs",
    "passing_rtol",
    "passing_atol",
)
LOWEST = ("sqnr", "cosine", "top1")
Stored = bool | int | float | str | list[int] | None
"""A figure in JSON, which has no infinity: what is not finite is text."""


@dataclass(frozen=True)
class Figures:
    """How far one output is from the float64 reference.

    Attributes:
        name: output name.
        run: which runtime setting and batch.
        shape: shape of the artefact's output.
        dtype: its dtype.
        max_abs: largest `|artefact - reference|`; inf where anything is NaN or of the wrong shape.
        mean_abs: its mean.
        p99_abs: its 99th percentile.
        max_rel: largest `|artefact - reference| / |reference|`, where the reference is not zero.
        original_max_abs: largest `|original float32 model - reference|`; None when not known.
        passing_rtol: the smallest `rtol` that would pass, with `atol` as it is.
        passing_atol: the smallest `atol` that would pass, with `rtol` as it is.
        sqnr: signal to (quantisation) noise, in decibel.
        cosine: cosine similarity.
        top1: share of examples with the same largest element; None where there are no classes.
        excess: largest error as a multiple of what is allowed, or the noise where SQNR is the
            measure; at most 1 passes.
        worst_example: index in the batch where that is.
        passed: within the bounds.
        problem: why not, when a figure can't say it.
        worst_input: what the worst example was made of: "normal", "large", "given" ...
        lost: channels of the last axis whose error is as large as their signal.
    """

    name: str
    run: str
    shape: tuple[int, ...]
    dtype: str
    max_abs: float
    mean_abs: float
    p99_abs: float
    max_rel: float
    original_max_abs: float | None
    passing_rtol: float
    passing_atol: float
    sqnr: float
    cosine: float
    top1: float | None
    excess: float
    worst_example: int
    passed: bool
    problem: str = ""
    worst_input: str = ""
    lost: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Stored]:
        """The same as plain values, for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        if self.problem:
            return f"{verdict} {self.name}: {self.problem}"
        own = (
            "" if self.original_max_abs is None else f", the original's {self.original_max_abs:.1e}"
        )
        return (
            f"{verdict} {self.name}: error max {self.max_abs:.1e}{own}, mean {self.mean_abs:.1e}, "
            f"p99 {self.p99_abs:.1e}, {self.excess:.2g} of what is allowed; SQNR {self.sqnr:.0f} dB"
        )


def worst(runs: list[Figures]) -> Figures:
    """Several runs of an output as one: the run nearest to failing, each figure at its worst."""
    leader = max(runs, key=lambda figures: (not figures.passed, figures.excess))
    extremes: dict[str, Any] = {name: _extreme(max, runs, name) for name in HIGHEST}
    extremes |= {name: _extreme(min, runs, name) for name in LOWEST}
    return replace(leader, **extremes)


def _extreme(choose: Callable[..., float], runs: list[Figures], name: str) -> float | None:
    known = [value for figures in runs if (value := getattr(figures, name)) is not None]
    return choose(known) if known else None


def _plain(value: Any) -> Stored:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
