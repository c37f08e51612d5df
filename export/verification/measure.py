"""Measures one output against its reference, example by example."""

import math
from collections.abc import Sequence

import numpy as np

from export.base.parts import WHOLE, Parts
from export.verification.figures import Figures
from export.verification.noise import Noise, noise_of, ranges
from export.verification.tolerances import Tolerances


def measure(
    name: str,
    reference: np.ndarray,
    result: np.ndarray,
    original: np.ndarray | None,
    bounds: Tolerances,
    run: str = "",
    unit: float = 0.0,
    labels: Sequence[str] = (),
    moved: np.ndarray | None = None,
    parts: Parts = WHOLE,
) -> Figures:
    """The figures of one output; a wrong shape or dtype fails with its reason."""
    problem = _mismatch(reference, result, original)
    if problem:
        return _failed(name, run, result, problem)
    truth, value = _rows(reference), _rows(result)
    own = None if original is None else _error(truth, _rows(original))
    error = _error(truth, value)
    scale = np.maximum(_scale(truth), unit)
    size = np.where(np.isfinite(truth), np.abs(truth), 0.0)
    known = own if moved is None or own is None else np.maximum(own, _error(truth, _rows(moved)))
    excess = _excess(error, size, scale, known, bounds, reference.dtype)
    noise = _noise(reference, result, parts, unit)
    passed = bool(excess.max(initial=0.0) <= 1.0)
    ranking = excess
    if bounds.min_sqnr is not None:
        ranking = error
        excess = np.full_like(excess, 10 ** ((bounds.min_sqnr - noise.sqnr) / 20))
        passed = noise.sqnr >= bounds.min_sqnr
    worst = int(ranking.max(axis=1, initial=0.0).argmax()) if len(ranking) else 0
    return Figures(
        name=name,
        run=run,
        shape=result.shape,
        dtype=str(result.dtype),
        max_abs=float(error.max(initial=0.0)),
        mean_abs=float(error.mean()) if error.size else 0.0,
        p99_abs=_percentile(error),
        max_rel=float(_ratio(error, size).max(initial=0.0)),
        original_max_abs=None if own is None else float(own.max(initial=0.0)),
        passing_rtol=float(_ratio(error - bounds.atol * scale, size).max(initial=0.0)),
        passing_atol=float(((error - bounds.rtol * size) / scale).max(initial=0.0)),
        sqnr=noise.sqnr,
        cosine=_cosine(truth, value),
        top1=_top1(reference, result),
        excess=float(excess.max(initial=0.0)),
        worst_example=worst,
        passed=passed,
        worst_input=labels[worst] if worst < len(labels) else "",
        problem="" if passed else _lost_part(noise),
        lost=noise.lost,
    )


def _noise(reference: np.ndarray, result: np.ndarray, parts: Parts, unit: float) -> Noise:
    """Of what is not floating, the share that differs is the noise."""
    if reference.dtype.kind == "f":
        return noise_of(reference, result, parts, unit)
    wrong = float(np.mean(reference != result)) if reference.size else 0.0
    return Noise(-10 * math.log10(wrong) if wrong else math.inf)


def _lost_part(noise: Noise) -> str:
    """Which channels of a joined output drown in the rounding of the others; empty if none."""
    if not noise.part:
        return ""
    return (
        f"channels {ranges(noise.part)} have {noise.sqnr:.1f} dB of their own scale, because the "
        "others of this output are larger; make them an output of their own, or use "
        "int16x8 (TFLite)"
    )


def _mismatch(reference: np.ndarray, result: np.ndarray, original: np.ndarray | None) -> str:
    if result.shape != reference.shape:
        return f"shape {result.shape} instead of {reference.shape}"
    if original is not None and result.dtype != original.dtype:
        return f"dtype {result.dtype} instead of {original.dtype}"
    if (result.dtype.kind == "f") != (reference.dtype.kind == "f"):
        return f"dtype {result.dtype} instead of {reference.dtype}"
    return ""


def _failed(name: str, run: str, result: np.ndarray, problem: str) -> Figures:
    inf = float("inf")
    return Figures(
        name=name,
        run=run,
        shape=result.shape,
        dtype=str(result.dtype),
        max_abs=inf,
        mean_abs=inf,
        p99_abs=inf,
        max_rel=inf,
        original_max_abs=None,
        passing_rtol=inf,
        passing_atol=inf,
        sqnr=-inf,
        cosine=0.0,
        top1=None,
        excess=inf,
        worst_example=0,
        passed=False,
        problem=problem,
    )


def _rows(values: np.ndarray) -> np.ndarray:
    """One row of float64 per example; 0-d outputs are one example."""
    shape = values.shape if values.ndim else (1,)
    return values.astype(np.float64).reshape(shape[0], math.prod(shape[1:]))


def _error(truth: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Absolute error; equal infinities agree, NaN is infinitely far from everything."""
    with np.errstate(invalid="ignore"):
        error = np.where(truth == value, 0.0, np.abs(value - truth))
    return np.where(np.isnan(error), np.inf, error)


def _scale(truth: np.ndarray) -> np.ndarray:
    """Root mean square per example, 1 where that is zero or not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        rms = (
            np.sqrt(np.mean(np.square(truth), axis=1, keepdims=True))
            if truth.size
            else np.ones((1, 1))
        )
    return np.where((rms > 0) & np.isfinite(rms), rms, 1.0)


def _excess(
    error: np.ndarray,
    size: np.ndarray,
    scale: np.ndarray,
    own: np.ndarray | None,
    bounds: Tolerances,
    dtype: np.dtype,
) -> np.ndarray:
    """Error over allowance. Integers must agree unless the original itself disagrees there."""
    if dtype.kind != "f":
        return np.where((error > 0) & (own is None or own == 0), np.inf, 0.0)
    allowed = bounds.atol * scale + bounds.rtol * size
    if own is not None:
        noise = bounds.noise * own.max(axis=1, keepdims=True, initial=0.0)
        allowed = np.maximum(allowed, np.minimum(noise, bounds.ceiling * scale))
    return _ratio(error, allowed)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole where there is any part; 0/0 is 0 and x/0 is inf."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(part > 0, part / whole, 0.0)


def _percentile(error: np.ndarray) -> float:
    return float(np.quantile(error, 0.99, method="higher")) if error.size else 0.0


def _cosine(truth: np.ndarray, value: np.ndarray) -> float:
    length = np.linalg.norm(truth) * np.linalg.norm(value)
    if not np.isfinite(length):
        return 0.0
    return float(np.vdot(truth, value) / length) if length else float((truth == value).all())


def _top1(reference: np.ndarray, result: np.ndarray) -> float | None:
    """Agreement on the largest element, for outputs that can be scores of classes."""
    if reference.ndim != 2 or reference.shape[1] < 2 or reference.dtype.kind != "f":
        return None
    return float((reference.argmax(1) == result.argmax(1)).mean()) if len(reference) else None
