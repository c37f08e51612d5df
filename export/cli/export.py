"""fleras export."""

from pathlib import Path
from typing import Any

import click

from export.base.errors import ExportError
from export.cli.cards import card_of, show_cards
from export.cli.shared import (
    ATOL,
    INPUTS,
    JSON,
    KEEP,
    MIN_SQNR,
    PATH,
    RTOL,
    model_options,
    summary,
)
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal, failure
from export.formats import FORMATS
from export.onnx_format.opsets import OPSET, OPSETS
from export.options import Options
from export.verification.precisions import DEFAULT, PRECISIONS


def _batch(ctx: click.Context, option: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "dynamic":
        return value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither a size nor 'dynamic'.")
    return int(value)


OUTPUT = "Where to write. By default NAME-export beside NAME.keras."


@click.command()
@click.argument("model", type=PATH)
@click.option("-o", "--output", type=PATH, metavar="DIR", help=OUTPUT)
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=tuple(FORMATS),
    help="Only this format; may be repeated. By default both.",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(list(PRECISIONS)),
    multiple=True,
    default=(DEFAULT,),
    help="May be repeated; each gives files of its own. By default float32.",
)
@click.option(
    "--opset",
    type=click.IntRange(OPSETS[0], OPSETS[-1]),
    default=OPSET,
    show_default=True,
    help="ONNX operator set.",
)
@click.option(
    "--batch",
    callback=_batch,
    metavar="N|dynamic",
    help="Fixed batch size. By default ONNX leaves it free and TFLite has 1.",
)
@click.option("--nchw", is_flag=True, help="ONNX images go in and out with channels first.")
@click.option(
    "--allow-flex", is_flag=True, help="Let TFLite use TensorFlow's own kernels; not run here."
)
@click.option(
    "--calibration", type=PATH, metavar="PATH",
    help="Some hundred typical inputs for int8: .npy, .npz or a directory of them.",
)  # fmt: skip
@click.option("--integer-io", is_flag=True, help="int8 files take and give int8 as well.")
@KEEP
@click.option("--no-fold", is_flag=True, help="Leave every batch norm as it is.")
@click.option("--no-merge", is_flag=True, help="Leave parallel linear branches as they are.")
@INPUTS
@RTOL
@ATOL
@MIN_SQNR
@model_options
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace files of an earlier export; its other formats and precisions stay.",
)
@click.option("--strict", is_flag=True, help="Write no file unless all of them pass.")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@JSON
@with_terminal
def command(
    terminal: Terminal,
    model: Path,
    output: Path | None,
    no_fold: bool,
    no_merge: bool,
    no_report: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Write ONNX and TFLite files of the Keras model MODEL into a directory.

    Batch norms are folded first. Every file is run in its own runtime and compared with the
    original model in float64 before it is written; beside the files go folded.keras,
    manifest.json (hashes, versions, error figures, names), reference.npz and report.html.
    A file that fails keeps no other from being written, and the report says why it failed.
    """
    from export.pipeline import export

    settings |= {"fold": not no_fold, "merge_branches": not no_merge, "report": not no_report}
    options = Options(**settings)
    output = output or model.parent / f"{model.stem}-export"
    try:
        with terminal.steps() as announce:
            exported = export(model, output, options, announce)
    except ExportError as error:
        if error.exported is not None:
            _show_all(terminal, error.exported, output, as_json, error)
        raise
    _show_all(terminal, exported, output, as_json)


def _show_all(
    terminal: Terminal, exported: Any, output: Path, as_json: bool, error: ExportError | None = None
) -> None:
    terminal.warn(exported.manifest["warnings"])
    if as_json:
        terminal.json(exported.manifest | (failure(error) if error else {}))
        return
    show(terminal, exported)
    names = ", ".join(sorted(path.name for path in output.iterdir()))
    terminal.line(f"Wrote {output}: {names}")


def show(terminal: Terminal, exported: Any) -> None:
    """What became of the batch norms and of each file."""
    terminal.line(summary(exported.fold))
    show_cards(terminal, [card_of(outcome) for outcome in exported.outcomes])
