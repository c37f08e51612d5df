"""fleras benchmark."""

from dataclasses import replace
from pathlib import Path

import click

from export.base.errors import InputError
from export.cli.shared import JSON, PATH, expand
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal


@click.command()
@click.argument("files", type=PATH, nargs=-1, required=True)
@click.option(
    "--batch",
    "batches",
    type=click.IntRange(1),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Examples per call; may be repeated.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    help="For both runtimes; by default the number of cores.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 600),
    default=2.0,
    show_default=True,
    help="Per file and batch.",
)
@JSON
@with_terminal
def command(
    terminal: Terminal,
    files: tuple[Path, ...],
    batches: tuple[int, ...],
    threads: int | None,
    seconds: float,
    as_json: bool,
) -> None:
    """Time .onnx and .tflite FILES, or all of those in a directory, in interleaved rounds."""
    from export.benchmark import benchmark
    from export.processes.child import SECONDS, call

    paths = expand(files)
    if not paths:
        raise InputError(f"there is no .onnx or .tflite file in {files[0]}; give one that has some")
    if missing := [path for path in paths if not path.is_file()]:
        raise InputError(f"there is no file {missing[0]}; check the name")
    with terminal.steps() as announce:
        announce(f"Timing {len(paths)} files")
        found = call(
            "the benchmark",
            benchmark,
            seconds=SECONDS + 2 * seconds * len(paths) * len(batches),
            paths=[path.absolute() for path in paths],
            batches=batches,
            threads=threads,
            duration=seconds,
        )
    shown = {str(path.absolute()): str(path) for path in paths}
    found = [replace(latency, name=shown[latency.name]) for latency in found]
    if as_json:
        terminal.json(found)
        return
    fastest = {each.batch: min(f.median for f in found if f.batch == each.batch) for each in found}
    rows = [
        [each.name, each.batch, f"{each.median:.3f}", f"{each.p95:.3f}",
         f"{each.median / fastest[each.batch]:.2f}x", each.rounds]
        for each in found
    ]  # fmt: skip
    columns = ["file", "batch>", "median ms>", "p95 ms>", "to the fastest>", "rounds>"]
    terminal.table("Latency", columns, rows)
