"""fleras benchmark."""

from dataclasses import asdict, replace
from pathlib import Path

import click

from export.base.errors import InputError
from export.base.human_bytes import human_bytes
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
    """Time .onnx and .tflite FILES, or all of those in a directory, each in its own stretches."""
    from export.benchmark import benchmark, machine
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
    timed = {(latency.name, latency.batch) for latency in found}
    terminal.warn(
        f"{path} has another fixed batch and is left out at a batch of {batch}"
        for batch in batches
        for path in paths
        if (str(path), batch) not in timed
    )
    if as_json:
        terminal.json([{**asdict(latency), "machine": machine()} for latency in found])
        return
    fastest = {each.batch: min(f.median for f in found if f.batch == each.batch) for each in found}
    rows = [
        [each.name, each.batch, *(f"{ms:.3f}" for ms in (each.median, each.p95, each.p99)),
         f"{each.median / fastest[each.batch]:.2f}x", human_bytes(each.size),
         human_bytes(each.memory)]
        for each in found
    ]  # fmt: skip
    columns = ["file", "batch>", "p50 ms>", "p95 ms>", "p99 ms>", "ratio>", "size>", "memory>"]
    terminal.table("", columns, rows, crop="file")
    terminal.line(f"{machine()}; at most {found[0].threads} at work on an operator")
