"""What a person sees: tables on standard output, progress and warnings on standard error."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDTH = 120


class Terminal:
    """The two streams of one command.

    Attributes:
        debug: whether errors come with their traceback.
        as_json: whether JSON was asked for and is still to come.
        quiet: whether only errors, and what was asked for, are shown.
    """

    def __init__(self) -> None:
        self.debug = False
        self.quiet = False
        self.out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self.as_json = False

    @contextmanager
    def steps(self) -> Iterator[Any]:
        """Yields a function that is told each step; a spinner shows it, on a terminal only."""
        if self.quiet or not self.err.is_terminal:
            yield lambda step: None
            return
        with self.err.status("Starting") as status:
            yield lambda step: status.update(f"{step} ...")

    def warn(self, warnings: Iterable[str]) -> None:
        """One line each."""
        for warning in warnings if not self.quiet else ():
            self.err.print("[yellow]warning:[/yellow]", _escaped(warning))

    def error(self, message: str) -> None:
        """One line, whatever is in the message."""
        self.err.print("[red]error:[/red]", _escaped(" ".join(message.split())))

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Columns whose name ends in ">" are aligned to the right."""
        style = {"box": SIMPLE_HEAD, "title_justify": "left", "title_style": "bold"}
        table = Table(title=title, pad_edge=False, **style)  # type: ignore[arg-type]
        for name in columns:
            right = name.endswith(">")
            justify: Any = "right" if right else "left"
            table.add_column(name.rstrip(">"), justify=justify, overflow="fold")
        for row in rows:
            table.add_row(*(_escaped(str(cell)) for cell in row))
        self.out.print(table)

    def line(self, text: str) -> None:
        """Plain text."""
        if not self.quiet:
            self.out.print(_escaped(text), soft_wrap=True)

    def json(self, value: Any) -> None:
        """For machines; nothing else is on standard output then."""
        print(json.dumps(value, indent=2, allow_nan=False))
        self.as_json = False


def _escaped(text: str) -> Any:
    from rich.text import Text

    return Text(text)
