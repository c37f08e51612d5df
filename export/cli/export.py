"""fleras export."""

from pathlib import Path
from typing import Any

import click

from export.applicable import refuse_missing
from export.base.errors import ExportError
from export.cli import values
from export.cli.cards import card_of, show_cards, show_rules
from export.cli.shared import (
    ATOL,
    EXPLAIN,
    INPUTS,
    JSON,
    KEEP,
    MIN_SQNR,
    PATH,
    RTOL,
    model_options,
)
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal, failure
from export.formats import FORMATS
from export.loading.source import kind_of
from export.onnx_format.opsets import OPSET, OPSETS
from export.options import Options
from export.verification.precisions import DEFAULT, PRECISIONS

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
    "--name", help="Of the files: NAME.onnx. By default that of MODEL, in a given DIR model."
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
    callback=values.batch,
    metavar="N|dynamic",
    help="Fixed batch size. By default ONNX leaves it free and TFLite has 1.",
)
@click.option("--nchw", is_flag=True, help="ONNX images go in and out with channels first.")
@click.option(
    "--allow-flex", is_flag=True, help="Let TFLite use TensorFlow's own kernels; not run here."
)
@click.option(
    "--calibration", type=PATH, metavar="PATH",
    help="Some hundred typical inputs for int8: .npy, .npz, or a directory of them or of images.",
)  # fmt: skip
@click.option(
    "--image-range", callback=values.image_range, metavar="LOW,HIGH",
    help="What pixels of 0 to 255 become. By default the model scales them itself.",
)  # fmt: skip
@click.option(
    "--labels", type=PATH, callback=values.labels, metavar="FILE",
    help="Names of the classes, one a line, for the metadata of the files.",
)  # fmt: skip
@click.option(
    "--metadata", multiple=True, callback=values.metadata, metavar="KEY=VALUE",
    help="Further entry for the metadata of the files; may be repeated.",
)  # fmt: skip
@click.option("--integer-io", is_flag=True, help="int8 files take and give int8 as well.")
@KEEP
@click.option("--no-fold", is_flag=True, help="Leave every batch norm as it is.")
@click.option("--no-merge", is_flag=True, help="Leave parallel linear branches as they are.")
@INPUTS
@RTOL
@ATOL
@MIN_SQNR
@EXPLAIN
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
    name: str | None,
    no_fold: bool,
    no_merge: bool,
    no_report: bool,
    explain: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Write ONNX and TFLite files of the Keras model MODEL into a directory.

    Batch norms are folded first. Every file is run in its own runtime and compared with the
    original model in float64 before it is written; beside the files go folded.keras,
    manifest.json (hashes, versions, error figures, names), reference.npz and report.html.
    A file that fails keeps no other from being written, and the report says why it failed.
    """
    name = name or (model.stem.lstrip(".") or "model" if output is None else "model")
    settings |= {
        "fold": not no_fold,
        "merge_branches": not no_merge,
        "name": name,
        "report": not no_report,
    }
    options = Options(**settings)
    refuse_missing(options)
    kind_of(model)
    output = output or model.parent / f"{model.stem}-export"
    try:
        with terminal.steps(options.steps) as announce:
            from export.pipeline import export

            exported = export(model, output, options, announce)
    except ExportError as error:
        if error.exported is not None:
            _show_all(terminal, error.exported, output, explain, as_json, error)
        raise
    _show_all(terminal, exported, output, explain, as_json)


def _show_all(
    terminal: Terminal,
    exported: Any,
    output: Path,
    explain: bool,
    as_json: bool,
    error: ExportError | None = None,
) -> None:
    terminal.warn(exported.manifest["warnings"])
    if as_json:
        terminal.json(exported.manifest | (failure(error) if error else {}))
        return
    show(terminal, exported)
    if explain:
        show_rules(terminal, [card_of(outcome) for outcome in exported.outcomes])
    names = ", ".join(sorted(path.name for path in output.iterdir()))
    terminal.line(f"Wrote {output}: {names}")


def show(terminal: Terminal, exported: Any) -> None:
    """What became of the batch norms and of each file."""
    terminal.line(exported.fold.summary)
    show_cards(terminal, [card_of(outcome) for outcome in exported.outcomes])
