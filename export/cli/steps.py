"""What is being done, and since when: a line for each step, or a bar on a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock, Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from export.base.visible import visible

Announce = Callable[[str], None]
PATIENCE = 0.1
"""Seconds after which the first lines are shown; wrong use is told before that, in one line."""


@contextmanager
def show_steps(
    console: Console, total: int | None, patience: float = PATIENCE
) -> Iterator[Announce]:
    """Yields a function that is told each step before it begins.

    Args:
        console: where to show them.
        total: how many steps there will be, if that is known.
        patience: seconds after which lines are shown.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        with _bar(console, total) as announce:
            yield announce
        return
    lines = _Lines(console, patience)
    lines.announce("Starting")
    try:
        yield lines.announce
    except BaseException:
        lines.drop()
        raise
    lines.announce("Done")
    lines.show()


@contextmanager
def _bar(console: Console, total: int | None) -> Iterator[Announce]:
    columns = (
        TimeElapsedColumn(),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task, done = progress.add_task("Starting", total=total), count()

        def announce(step: str) -> None:
            progress.update(task, description=visible(step), completed=next(done))

        yield announce


class _Lines:
    """Each step with the seconds since the start; the first ones wait."""

    def __init__(self, console: Console, patience: float) -> None:
        self._console = console
        self._start = time.monotonic()
        self._lock = Lock()
        self._waiting: list[str] | None = [] if patience else None
        self._timer = Timer(patience, self.show)
        self._timer.daemon = True
        self._timer.start()

    def announce(self, step: str) -> None:
        """A step begins."""
        line = f"{time.monotonic() - self._start:6.1f} s  {visible(step)}"
        with self._lock:
            if self._waiting is None:
                self._console.print(Text(line, "dim"))
            else:
                self._waiting.append(line)

    def show(self) -> None:
        """Shows what waits, and from now on each line at once."""
        with self._lock:
            for line in self._waiting or ():
                self._console.print(Text(line, "dim"))
            self._waiting = None

    def drop(self) -> None:
        """Forgets what waits: an error is told instead."""
        self._timer.cancel()
        with self._lock:
            self._waiting = None
