"""A signal in any phase leaves no process, no temporary file, and the old files or the new."""

import os
import shutil
import signal

import pytest

from tests.export.faults.command import clean, finish, hidden, start

pytestmark = pytest.mark.faults

PHASES = ("Starting", "Loading", "Folding", "Running", "model.onnx", "model.tflite", "manifest")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal(source, tmp_path, phase, number):
    ended = run_until(source, tmp_path, phase, number)
    clean(ended, (0, 128 + number))
    assert (tmp_path / "out").exists() == (ended.code == 0)
    assert not hidden(tmp_path) and not hidden(tmp_path / "temporary")


@pytest.mark.parametrize("phase", PHASES)
def test_a_kill_is_cleaned_up_by_the_next_run(source, tmp_path, phase):
    ended = run_until(source, tmp_path, phase, signal.SIGKILL)
    assert ended.code in (0, -signal.SIGKILL) and not ended.running
    variables = {"TMPDIR": str(tmp_path / "temporary")}
    arguments = ("export", tmp_path / "net.keras", "-o", tmp_path / "out", "--overwrite")
    assert clean(finish(start(*arguments, variables=variables))).code == 0
    assert not hidden(tmp_path) and not hidden(tmp_path / "temporary")


def run_until(source, tmp_path, phase, number):
    """Sends the signal to the command alone as soon as it says that the phase begins."""
    shutil.copy(source, tmp_path / "net.keras")
    (tmp_path / "temporary").mkdir(exist_ok=True)
    process = start(
        *("export", tmp_path / "net.keras", "-o", tmp_path / "out"),
        variables={"TMPDIR": str(tmp_path / "temporary")},
    )
    seen = ""
    for line in process.stderr:
        seen += line
        if phase in line:
            os.kill(process.pid, number)
            break
    return finish(process, seen)
