"""fleras doctor."""

import click

from export.base.errors import InputError
from export.cli.shared import JSON
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal


@click.command()
@JSON
@with_terminal
def command(terminal: Terminal, as_json: bool) -> None:
    """Look for what usually breaks an export: versions, imports, runtimes."""
    from export.doctor import examine

    found = []
    with terminal.steps() as announce:
        for finding in examine():
            announce(f"Looking at {finding.name}")
            found.append(finding)
    if as_json:
        terminal.json(found)
    else:
        rows = [[f.name, "ok" if f.ok else "WRONG", f.found, f.advice] for f in found]
        terminal.table("Doctor", ["what", "state", "found", "advice"], rows)
    if wrong := [finding.name for finding in found if not finding.ok]:
        raise InputError(f"{', '.join(wrong)} will break an export; follow the advice above")
