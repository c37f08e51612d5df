import io
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from rich.console import Console

from export.cli import steps
from export.cli.steps import show_steps

LINE = re.compile(r" *(\d+\.\d) s  (.*)")


def told(*names, error=None, wait=0.0, patience=steps.PATIENCE):
    """The lines of an export of these steps, without a terminal."""
    text = io.StringIO()
    try:
        with show_steps(Console(file=text), None, patience) as announce:
            for name in names:
                announce(name)
            time.sleep(wait)
            if error:
                raise error
    except ValueError:
        pass
    return text.getvalue().splitlines()


def test_each_step_is_a_line_with_seconds_and_so_is_the_end():
    lines = [LINE.fullmatch(line) for line in told("Loading", "Folding")]
    assert [line[2] for line in lines] == ["Starting", "Loading", "Folding", "Done"]
    seconds = [float(line[1]) for line in lines]
    assert seconds == sorted(seconds)


def test_what_fails_at_once_shows_its_error_alone():
    assert told(error=ValueError(), patience=60) == []


def test_without_patience_the_first_line_is_there_at_once():
    (line,) = told(error=ValueError(), patience=0.0)
    assert LINE.fullmatch(line)[2] == "Starting"


def test_what_takes_longer_shows_its_first_line_while_it_runs():
    (line,) = told(error=ValueError(), wait=0.3, patience=0.01)
    assert LINE.fullmatch(line)[2] == "Starting"


@pytest.mark.parametrize("total", [2, None])
def test_on_a_terminal_a_bar_shows_the_step_and_goes_away(total):
    code = (
        "import time; from rich.console import Console; from export.cli.steps import show_steps\n"
        f"with show_steps(Console(stderr=True), {total}) as announce:\n"
        "    announce('Loading [x]'); time.sleep(0.3); announce('Folding'); time.sleep(0.3)\n"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", code], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    assert "Loading [x]" in shown and "Folding" in shown
    assert ("1/2" in shown) == (total == 2)
    assert "Done" not in shown
