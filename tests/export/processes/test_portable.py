"""What Windows lacks is not needed, in the command and in its worker processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[3]
BLOCKED = ("fcntl", "resource", "pwd", "grp", "pyseccomp")


@pytest.fixture
def without_modules(tmp_path):
    """Runs Python without these modules; its workers inherit where they are blocked."""
    (tmp_path / "blocked").mkdir()
    code = f"import sys\nfor name in {BLOCKED}:\n    sys.modules[name] = None\n"
    (tmp_path / "blocked" / "sitecustomize.py").write_text(code)
    (tmp_path / "temporary").mkdir()
    path = os.pathsep.join([str(tmp_path / "blocked"), str(HOME)])
    environment = os.environ | {"PYTHONPATH": path, "TMPDIR": str(tmp_path / "temporary")}

    def python(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, env=environment, cwd=HOME, capture_output=True, text=True)
        assert not list((tmp_path / "temporary").iterdir())
        return done

    return python


@pytest.mark.parametrize("name", BLOCKED)
def test_the_modules_are_blocked(without_modules, name):
    assert "ModuleNotFoundError" in without_modules("-c", f"import {name}").stderr


WORK = """
import sys
from pathlib import Path
from export.processes import child
from export.processes.confined import call_confined
from export.publishing.publish import staged
from tests.export import misbehavior

for word in ("old", "new"):
    with staged(Path(sys.argv[1]), overwrite=True) as stage:
        (stage / "model.onnx").write_text(word)
print(child.call("adding", misbehavior.fine), child.call("looking", misbehavior.blocked))
print(call_confined("working", misbehavior.confined, 1 << 31, 60))
"""


def test_files_appear_and_workers_work(without_modules, tmp_path):
    done = without_modules("-W", "ignore", "-c", WORK, tmp_path / "out")
    assert (done.stdout, done.stderr) == ("3 True\nfine\n", "")
    assert (tmp_path / "out" / "model.onnx").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked", "out", "temporary"]


@pytest.mark.faults
def test_a_model_is_exported_and_verified(without_modules, source, tmp_path):
    out = tmp_path / "out"
    for arguments in (["export", source, "-o", out], ["verify", out]):
        done = without_modules("-m", "export", *arguments)
        assert done.returncode == 0 and "error:" not in done.stderr
        assert done.stdout.count(" equivalent") + done.stdout.count("\nequivalent") >= 2
