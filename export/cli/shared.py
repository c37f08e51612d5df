"""What several commands share: their options and their tables."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from export.cli.terminal import Terminal
from export.formats import SUFFIXES
from export.verification.comparison import Comparison
from export.verification.figures import Figures
from export.verification.tolerances import Tolerances

PATH = click.Path(path_type=Path)
CUSTOM = click.option(
    "--custom-objects",
    multiple=True,
    metavar="MODULE:ATTR",
    help="Class or function that the model needs. This imports MODULE: it runs that code.",
)
LAMBDAS = click.option(
    "--lambda",
    "lambdas",
    multiple=True,
    metavar="NAME=MODULE:FUNCTION",
    help="Function in the place of the code in the Lambda layer NAME. This imports MODULE.",
)
WEIGHTS = click.option(
    "--weights", type=PATH, metavar="FILE", help="Weights of a MODEL that is a .json architecture."
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what loading a model may need: --custom-objects, --lambda and --weights."""
    for option in (WEIGHTS, LAMBDAS, CUSTOM):
        command = option(command)
    return command


KEEP = click.option(
    "--keep",
    multiple=True,
    metavar="PATTERN",
    help="Batch norms to leave as they are, with shell wildcards: 'block5_*'.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
RTOL = click.option("--rtol", type=float, help="Allowed error relative to the reference.")
ATOL = click.option("--atol", type=float, help="Allowed error relative to the output's scale.")
MIN_SQNR = click.option(
    "--min-sqnr", type=float, help="Least signal-to-noise ratio of int8 files, in dB."
)
INPUTS = click.option(
    "--inputs", type=PATH, metavar="FILE", help="Your own examples, .npy or .npz, to verify with."
)


def show_comparisons(terminal: Terminal, comparisons: Mapping[str, Comparison]) -> None:
    """One row per file and output, then what no figure can say."""
    rows = [
        [name, *_figures(figures)]
        for name, comparison in comparisons.items()
        for figures in comparison.outputs.values()
    ]
    columns = ["file", "output", "error>", "original's>", "SQNR>", "of allowed>", "verdict"]
    if rows:
        terminal.table("Largest error against the original model in float64", columns, rows)
    for name, comparison in comparisons.items():
        for figures in comparison.outputs.values():
            if not figures.passed:
                needed = _needed(figures, comparison.tolerances)
                terminal.line(f"{name}, output {figures.name}: {needed}")
        for problem in comparison.problems:
            terminal.error(f"{name}: {problem}")


def human_bytes(count: int) -> str:
    """1234567 -> "1.2 MB"."""
    from export.report.page import human_bytes as rule

    return rule(count)


def expand(paths: Iterable[Path]) -> list[Path]:
    """Directories and manifests stand for the artefacts in them."""
    found: list[Path] = []
    for path in paths:
        home = path.parent if path.name == "manifest.json" else path
        inside = [file for suffix in SUFFIXES for file in sorted(home.glob(f"*{suffix}"))]
        found += inside if home.is_dir() else [path]
    return found


def _figures(figures: Figures) -> list[str]:
    own = figures.original_max_abs
    agreement = "" if figures.top1 in (None, 1) else f", top-1 {figures.top1:.0%}"
    verdict = "equivalent" if figures.passed else figures.problem or "NOT equivalent"
    return [
        figures.name,
        f"{figures.max_abs:.1e}",
        "-" if own is None else f"{own:.1e}",
        f"{figures.sqnr:.0f} dB",
        f"{figures.excess:.0%}" if figures.excess < 10 else f"{figures.excess:.0f}x",
        verdict + agreement,
    ]


def _needed(figures: Figures, bounds: Tolerances) -> str:
    """The smallest tolerances that would pass, rounded so that they do."""
    if not math.isfinite(figures.max_abs) or figures.dtype.startswith(("int", "uint", "bool")):
        return "no tolerance would pass"
    if bounds.min_sqnr is not None and figures.cosine < bounds.min_cosine:
        return f"its cosine similarity is {figures.cosine:.2f}, and {bounds.min_cosine} is needed"
    if bounds.min_sqnr is not None:
        return f"would pass with --min-sqnr {math.floor(figures.sqnr)}"
    atol, rtol = (f"{1.05 * least:.1e}" for least in (figures.passing_atol, figures.passing_rtol))
    return f"would pass with --atol {atol}" + ("" if rtol == "inf" else f" or --rtol {rtol}")
