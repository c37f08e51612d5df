"""What a person sees: tables on standard output, progress and warnings on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from msgspec import to_builtins
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from export.base.errors import ExportError
from export.base.visible import one_line, visible
from export.cli.steps import PATIENCE, Announce, show_steps

WIDTH = 120
GAP = 2
MIN = 8


class Terminal:
    """The two streams of one command.

    Attributes:
        debug: whether errors come with their traceback.
        as_json: whether JSON was asked for and is still to come.
        quiet: whether only errors, and what was asked for, are shown.
        verbose: whether every figure is shown.
        patience: seconds after which steps are shown.
    """

    def __init__(self) -> None:
        self.debug = False
        self.quiet = False
        self.verbose = False
        self.out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self.as_json = False
        self.patience = PATIENCE

    @property
    def ascii(self) -> bool:
        """Whether only ASCII can be shown."""
        return bool(self.out.options.ascii_only)

    def steps(self, total: int | None = None) -> AbstractContextManager[Announce]:
        """Gives a function that is told each step; see `export.cli.steps`."""
        return (
            nullcontext(lambda step: None)
            if self.quiet
            else show_steps(self.err, total, self.patience)
        )

    def note(self, text: str) -> None:
        """What is worth knowing but no result."""
        if not self.quiet:
            self.err.print(Text(visible(text), "dim"))

    def warn(self, warnings: Iterable[str]) -> None:
        """One line each."""
        for warning in warnings if not self.quiet else ():
            self.err.print("[yellow]warning:[/yellow]", Text(one_line(warning)))

    def error(self, message: str) -> None:
        """One line, whatever is in the message."""
        self.err.print("[red]error:[/red]", Text(one_line(message)))

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]], crop: str = ""
    ) -> None:
        """Rows of text.

        Args:
            title: above; none where empty.
            columns: a name that ends in ">" is one of a column aligned to the right.
            rows: strings, or text with colors.
            crop: the column that ends in an ellipsis where a line is too short; no other wraps.
                Without, cells wrap between words.
        """
        names = [name.rstrip(">") for name in columns]
        cells = [
            [cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row]
            for row in rows
        ]
        widths = [
            max(cell_len(name), *(row[at].cell_len for row in cells), 0)
            for at, name in enumerate(names)
        ]
        table = Table(
            title=Text(visible(title)) if title else None,
            title_justify="left",
            title_style="bold",
            box=None,
            padding=(0, GAP, 0, 0),
            pad_edge=False,
        )
        for name, width in zip(columns, widths, strict=True):
            others = sum(widths) - width + GAP * (len(widths) - 1)
            table.add_column(
                name.rstrip(">"),
                justify="right" if name.endswith(">") else "left",
                overflow="ellipsis" if crop else "fold",
                no_wrap=bool(crop),
                max_width=max(MIN, self.out.width - others) if name == crop else None,
            )
        for row in cells:
            table.add_row(*row)
        self.out.print(table)

    def line(self, text: str) -> None:
        """Plain text."""
        if not self.quiet:
            self.out.print(Text(visible(text)), soft_wrap=True)

    def json(self, value: Any) -> None:
        """For machines; nothing else is on standard output then."""
        print(json.dumps(to_builtins(value), indent=2, allow_nan=False))
        self.as_json = False


def failure(error: ExportError) -> dict[str, Any]:
    """An error for machines."""
    return {"error": str(error), "exit_code": error.exit_code}
