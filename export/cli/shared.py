"""What several commands share: their options and their tables."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from export.formats import SUFFIXES
from export.publishing.publish import MANIFEST


class _Path(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if value else self.fail("is empty.", param, ctx)


PATH = _Path(path_type=Path)
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
TRUST = click.option(
    "--trust",
    is_flag=True,
    help="MODEL is your own: check it, but do not open it in a confined process first.",
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what loading a model may need: --custom-objects, --lambda, --weights and --trust."""
    for option in (TRUST, WEIGHTS, LAMBDAS, CUSTOM):
        command = option(command)
    return command


KEEP = click.option(
    "--keep",
    multiple=True,
    metavar="PATTERN",
    help="Batch norms to leave as they are, with shell wildcards: 'block5_*'.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
EXPLAIN = click.option("--explain", is_flag=True, help="Say by which rule each file passes.")
RTOL = click.option("--rtol", type=float, help="Allowed error relative to the reference.")
ATOL = click.option("--atol", type=float, help="Allowed error relative to the output's scale.")
MIN_SQNR = click.option(
    "--min-sqnr", type=float, help="Least signal-to-noise ratio of int8 files, in dB."
)
INPUTS = click.option(
    "--inputs", type=PATH, metavar="FILE", help="Your own examples, .npy or .npz, to verify with."
)


def expand(paths: Iterable[Path]) -> list[Path]:
    """Directories and manifests stand for the artefacts in them."""
    found: list[Path] = []
    for path in paths:
        home = path.parent if path.name == MANIFEST else path
        inside = [file for suffix in SUFFIXES for file in sorted(home.glob(f"*{suffix}"))]
        found += inside if home.is_dir() else [path]
    return found
