"""Runs the whole command in surroundings in which something is wrong."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[3]
SECONDS = 600
ALLOWED = (0, 1, 2, 3)


@dataclass(frozen=True)
class Ended:
    """What a command left: exit code, what it wrote, and its processes that still run."""

    code: int
    out: str
    err: str
    running: list[str]

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith("error:")]


def start(*arguments, before="", within=(), variables=(), unset=(), **settings):
    """Starts `python -m export` behind the shell commands `before`, in a session of its own."""
    command = [*within, sys.executable, "-P", "-m", "export", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(HOME), **dict(variables)}
    for name in unset:
        environment.pop(name, None)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        ["bash", "-c", f'{before}\nexec "$@"', "--", *command],
        env=environment,
        start_new_session=True,
        errors="surrogateescape",
        **pipes,
        **settings,
    )


def finish(process, seen=""):
    """Waits for its end, and a little for that of its children."""
    out, err = process.communicate(timeout=SECONDS)
    for _ in range(30):
        if not (running := session(process.pid)):
            break
        time.sleep(0.1)
    return Ended(process.returncode, out, seen + err, running)


def fleras(*arguments, **surroundings):
    """Runs it to its end, which must be a clean one."""
    return clean(finish(start(*arguments, **surroundings)))


def clean(ended, codes=ALLOWED):
    """No traceback, one line at an error and none else, no process left."""
    told = f"{ended.code}\n{ended.out}\n{ended.err}"
    assert ended.code in codes, told
    assert "Traceback" not in told
    assert len(ended.errors) == (ended.code != 0), told
    assert not ended.running, ended.running
    return ended


def session(leader):
    """The command lines of the processes of a session that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError, IndexError):
            continue
    return found


def hidden(directory):
    """What begins with a dot, or is ours: nothing of the kind may be left."""
    return [path.name for path in directory.iterdir() if path.name.startswith((".", "fleras-"))]
