"""fleras verify."""

from pathlib import Path
from typing import Any

import click

from export.base.errors import InputError, NotEquivalent
from export.cli.cards import show_cards, show_rules, verified
from export.cli.shared import (
    ATOL,
    EXPLAIN,
    INPUTS,
    JSON,
    MIN_SQNR,
    PATH,
    RTOL,
    model_options,
)
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal
from export.publishing.publish import MANIFEST
from export.verification.comparison import Comparison
from export.verification.precisions import DEFAULT, PRECISIONS, tolerances
from export.verification.tolerances import Tolerances


@click.command()
@click.argument("first", type=PATH, metavar="DIR|MANIFEST|MODEL")
@click.argument("files", type=PATH, nargs=-1, metavar="[FILE]...")
@click.option(
    "--precision",
    type=click.Choice(list(PRECISIONS)),
    default=DEFAULT,
    show_default=True,
    help="Of the files; a manifest knows by itself.",
)
@click.option("--expect", metavar="DIGEST", help="Digest that the manifest has to have.")
@INPUTS
@RTOL
@ATOL
@MIN_SQNR
@EXPLAIN
@model_options
@JSON
@with_terminal
def command(
    terminal: Terminal,
    first: Path,
    files: tuple[Path, ...],
    precision: str,
    expect: str | None,
    inputs: Path | None,
    custom_objects: tuple[str, ...],
    lambdas: tuple[str, ...],
    weights: Path | None,
    trust: bool,
    explain: bool,
    as_json: bool,
    **bounds: float | None,
) -> None:
    """Check files against their manifest, or against a Keras model.

    `fleras verify out` (or `out/manifest.json`) hashes every file again and replays the stored
    reference; it needs the runtimes, but neither TensorFlow nor the model. `fleras verify
    model.keras a.onnx b.tflite` runs the model in float64 and compares the files with it. A file
    may err as --rtol and --atol say, or four times as much as the original itself does in float32;
    --explain shows the formula.
    """
    if first.is_dir() and not files:
        first = first / MANIFEST
    if not (stored := first.suffix == ".json" and not files):
        _refuse_missing(first, files)
        chosen = tolerances(precision, **bounds)
    with terminal.steps() as announce:
        announce("Verifying")
        if stored:
            from export.publishing.check_manifest import check_manifest

            found = check_manifest(first, expect=expect, **bounds)
        else:
            from export.loading.load_model import load_model

            model = load_model(first, custom_objects, weights, lambdas, trust)
            found = _against_model(model, files, precision, inputs, chosen)
    if as_json:
        terminal.json({name: comparison.to_dict() for name, comparison in found.items()})
    else:
        cards = [verified(name, each) for name, each in found.items()]
        show_cards(terminal, cards)
        if explain:
            show_rules(terminal, cards)
        for name, comparison in found.items():
            for problem in comparison.problems:
                terminal.error(f"{name}: {problem}")
    terminal.warn(f"{name}: {w}" for name, comparison in found.items() for w in comparison.warnings)
    if wrong := [name for name, comparison in found.items() if not comparison]:
        raise NotEquivalent(f"{', '.join(wrong)} failed; export again from the original model")


def _refuse_missing(model: Path, files: tuple[Path, ...]) -> None:
    if not files:
        raise InputError(f"nothing to check {model.name} against; give .onnx or .tflite files")
    for file in files:
        if not file.is_file():
            raise InputError(f"there is no file {file}; check the name")


def _against_model(
    model: Any,
    files: tuple[Path, ...],
    precision: str,
    inputs: Path | None,
    chosen: Tolerances,
) -> dict[str, Comparison]:
    from export.base.arrays import read_arrays
    from export.formats import engine_of
    from export.verification.make_reference import make_reference
    from export.verification.replay import replay

    given = read_arrays(inputs) if inputs else None
    reference = make_reference(model, given)
    return {
        str(file): replay(reference, file, engine_of(file), precision=precision, bounds=chosen)
        for file in files
    }
