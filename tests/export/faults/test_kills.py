"""SIGKILL at every call into the system, injected by strace: the old files or the new."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.export.faults.command import HOME, hidden
from tests.export.transaction.test_publish import NEW, OLD, fill, recover, whole, words

CALLS = (
    *("mkdir", "rmdir", "unlink", "unlinkat", "rename", "renameat2", "fsync", "flock", "write"),
    *("chmod", "fchmod"),
)
TRACEABLE = (
    shutil.which("strace")
    and subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0
)
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not TRACEABLE, reason="strace can't trace here"),
]

WRITER = """
import sys
from pathlib import Path
from tests.export.transaction.test_publish import NEW, fill
fill(Path(sys.argv[1]), "new", NEW)
"""


def killed(call, count, *command):
    """Runs a command that is killed at its nth call of this name; whether it was."""
    inject = f"inject={call}:signal=KILL:when={count}"
    arguments = ["strace", "-o", os.devnull, "-e", f"trace={call}", "-e", inject]
    environment = os.environ | {"PYTHONPATH": str(HOME), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*arguments, *command], env=environment, capture_output=True)
    assert done.returncode in (0, -9, 137), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("among", [False, True], ids=["alone", "among other files"])
@pytest.mark.parametrize("call", CALLS)
def test_a_set_is_old_or_new(tmp_path, call, among):
    out, count, died = tmp_path / "out", 0, True
    while died:
        count += 1
        shutil.rmtree(out, ignore_errors=True)
        fill(out, "old", OLD)
        if among:
            (out / "notes.txt").write_text("mine")
        died = killed(call, count, sys.executable, "-c", WRITER, str(out))
        found = words(out)
        assert found.pop("notes.txt", "mine") == "mine"
        assert len(set(found.values())) <= 1
        if not among or "manifest.json" in found:
            assert found in (whole("old", OLD), whole("new", NEW))
        recover(out)
        left = words(out)
        assert left.pop("notes.txt", "mine") == "mine"
        assert left in (whole("old", OLD), whole("new", NEW))
        assert not hidden(tmp_path) and not hidden(out)
    assert left["manifest.json"] == "new"


@pytest.mark.parametrize(
    ("call", "count"),
    [
        *(("mkdir", 2), ("mkdir", 4), ("mkdir", 8), ("rmdir", 1), ("rmdir", 5)),
        *(("rename", 1), ("rename", 2), ("rename", 4), ("fsync", 1), ("fsync", 6)),
        *(("unlink", 3), ("flock", 3)),
    ],
)
def test_the_command_leaves_old_files_or_new(source, tmp_path, call, count):
    """A kill at one of the calls of the whole export that touch the disk."""
    shutil.copy(source, tmp_path / "net.keras")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-P", "-m", "export", "export"]
    arguments = [*command, str(tmp_path / "net.keras"), "-o", str(tmp_path / "out")]
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={count}"]
    environment = os.environ | {"PYTHONPATH": str(HOME), "TMPDIR": str(temporary)}
    subprocess.run(["strace", "-o", os.devnull, *inject, *arguments], env=environment)
    if (out := tmp_path / "out").exists():
        manifest = json.loads((out / "manifest.json").read_text())
        assert {path.name for path in out.iterdir()} == {*manifest["files"], "manifest.json"}
    done = subprocess.run([*arguments, "--overwrite"], env=environment, capture_output=True)
    assert done.returncode == 0
    assert not hidden(tmp_path) and not hidden(temporary)
