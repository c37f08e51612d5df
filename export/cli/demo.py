"""fleras demo."""

from pathlib import Path

import click

from export.base.human_bytes import human_bytes
from export.cli.export import show
from export.cli.shared import JSON, PATH
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal


@click.command()
@click.option(
    "-o",
    "--output",
    type=PATH,
    default=Path("fleras-demo"),
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace the files of an earlier demo.")
@JSON
@with_terminal
def command(terminal: Terminal, output: Path, overwrite: bool, as_json: bool) -> None:
    """Train a small network on handwritten digits and export it, in about a minute.

    The network uses fleras.BatchNormalization with a clipping schedule. model.keras is exported by
    the code of `fleras export`; then every file reads the test digits.
    """
    if not as_json:
        terminal.line(f"Writing into {output}{'/' if output.suffix == '' else ''}")
    with terminal.steps() as announce:
        from export.demo.demonstrate import demonstrate

        exported, rows = demonstrate(output, overwrite, announce)
    terminal.warn(exported.manifest["warnings"])
    if as_json:
        terminal.json([vars(row) for row in rows])
        return
    show(terminal, exported)
    cells = [
        [
            row.name,
            f"{row.accuracy:.2%}",
            f"{row.error:.1e}",
            human_bytes(row.size),
            f"{row.latency:.3f}",
            row.batch_norms,
        ]
        for row in rows
    ]
    columns = ["", "accuracy>", "max error>", "size>", "ms/image>", "batch norms>"]
    terminal.table("On the test digits, against the original in float64", columns, cells)
    terminal.line("The errors further up are of inputs up to 100 times as large as digits.")
    terminal.line(f"Wrote {output}: {', '.join(sorted(path.name for path in output.iterdir()))}")
