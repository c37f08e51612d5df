"""fleras inspect."""

from pathlib import Path

import click

from export.cli.shared import JSON, KEEP, PATH, model_options
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal
from export.loading.source import kind_of
from export.options import Options


@click.command()
@click.argument("model", type=PATH)
@KEEP
@click.option("--no-merge", is_flag=True, help="Leave parallel linear branches as they are.")
@model_options
@JSON
@with_terminal
def command(
    terminal: Terminal,
    model: Path,
    keep: tuple[str, ...],
    no_merge: bool,
    custom_objects: tuple[str, ...],
    lambdas: tuple[str, ...],
    weights: Path | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Show what would become of each batch norm of MODEL, and why; writes nothing."""
    kind_of(model)
    with terminal.steps(total=2) as announce:
        from export.loading.load_model import load_model
        from export.pipeline import fold_model

        announce(f"Loading {model.name}")
        loaded = load_model(model, custom_objects, weights, lambdas, trust)
        announce("Planning")
        folded, report = fold_model(loaded, Options(keep=keep, merge_branches=not no_merge))
    terminal.warn(report.notes)
    if as_json:
        terminal.json(report.to_dict())
        return
    rows = [
        [record.name, record.status, ", ".join(record.into), record.reason]
        for record in (*report, *report.preprocessing)
    ]
    terminal.table(report.summary, ["layer", "status", "into", "why"], rows)
    for advice in report.advice:
        terminal.line(str(advice))
    terminal.line(f"weights: {loaded.count_params():,} before, {folded.count_params():,} after")
