"""The rule in words, where a file is furthest from the model, and what would let it pass."""

import math

from export.verification.comparison import Comparison
from export.verification.figures import Figures
from export.verification.tolerances import Tolerances


def worst_of(comparison: Comparison) -> Figures | None:
    """The output that is nearest to failing; None where the file never ran."""
    outputs = comparison.outputs.values()
    return max(outputs, key=lambda each: (not each.passed, each.excess), default=None)


def where_worst(figures: Figures) -> str:
    """The output, the example, how far off it is and how far it may be."""
    if figures.problem:
        return f"output {figures.name!r}: {figures.problem}"
    made_of = f" ({figures.worst_input})" if figures.worst_input else ""
    own = figures.original_max_abs
    beside = "" if own is None else f", the original's own {own:.1e}"
    return (
        f"output {figures.name!r}, worst in example {figures.worst_example + 1}{made_of}: "
        f"error {figures.max_abs:.1e}{beside}, {figures.excess:.2g} times what is allowed; "
        f"SQNR {figures.sqnr:.0f} dB"
    )


def would_pass(figures: Figures, bounds: Tolerances) -> str:
    """The smallest tolerances that would pass, rounded so that they do."""
    if bounds.min_sqnr is not None and math.isfinite(figures.sqnr):
        return f"would pass with --min-sqnr {math.floor(figures.sqnr)}"
    if not math.isfinite(figures.max_abs) or figures.dtype.startswith(("int", "uint", "bool")):
        return "no tolerance would pass"
    atol, rtol = (f"{1.05 * least:.1e}" for least in (figures.passing_atol, figures.passing_rtol))
    return f"would pass with --atol {atol}" + ("" if rtol == "inf" else f" or --rtol {rtol}")


def rule(bounds: Tolerances) -> str:
    """The formula that decides, with its numbers, and what its names mean."""
    if bounds.min_sqnr is not None:
        return (
            f"passes where SQNR >= {bounds.min_sqnr:g} dB over all examples together, for every "
            "output and each part that one is joined from (SQNR: 10 log10(sum truth^2 / "
            "sum (file - truth)^2); truth: the original model in float64)"
        )
    return (
        f"passes where |file - truth| <= max({bounds.atol:g} * rms + {bounds.rtol:g} * |truth|, "
        f"min({bounds.noise:g} * own, {bounds.ceiling:g} * rms)), for every value (truth: the "
        "original model in float64; rms: root mean square of truth over the example, at least 1 "
        "behind a sigmoid; own: the largest error of the original in float32 in that example)"
    )
