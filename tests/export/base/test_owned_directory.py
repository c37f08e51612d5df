"""What a killed process leaves is removed by the next; what lives, or is another's, is not."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from export.base import owned_directory
from export.base.owned_directory import LOCK, MARK, begin, dead, scratch_directory

HOME = Path(__file__).parents[3]
HOLDER = """
import os, signal, sys
from pathlib import Path
from export.base.owned_directory import begin
own = begin(Path(sys.argv[1]), sys.argv[2])
(own.files / "work").write_text("half")
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process with a directory of its own; killing it is up to the test."""
    arguments = [sys.executable, "-c", HOLDER, str(tmp_path), ".x."]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(arguments, cwd=HOME, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()


def test_what_a_killed_process_left_is_dead_and_what_lives_is_not(tmp_path, holder):
    (left,) = tmp_path.iterdir()
    assert not list(dead(tmp_path, ".x."))
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not list(dead(tmp_path, ".y.")) and left.exists()
    (found,) = dead(tmp_path, ".x.")
    assert (found.path, (found.files / "work").read_text()) == (left, "half")
    found.end()
    assert not list(tmp_path.iterdir())


def test_what_is_held_here_is_alive(tmp_path):
    own = begin(tmp_path)
    assert not list(dead(tmp_path))
    own.end()
    own.end()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["fleras-demo", "fleras-", f"fleras-{'0' * 16}x", "other", f"x{MARK}{'0' * 16}"]
)
def test_directories_of_other_names_are_let_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / LOCK).touch()
    assert not list(dead(tmp_path))
    assert (tmp_path / name / LOCK).exists()


def test_files_of_others_are_let_alone_whatever_their_name(tmp_path, monkeypatch):
    name = f"{MARK}{'0' * 16}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (tmp_path / name).symlink_to(elsewhere)
    (tmp_path / f"{MARK}{'1' * 16}").write_text("mine")
    (tmp_path / f"{MARK}{'2' * 16}").mkdir()
    (tmp_path / f"{MARK}{'2' * 16}" / "no lock").touch()
    before = sorted(tmp_path.rglob("*"))
    assert not list(dead(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / f"{MARK}{'2' * 16}" / LOCK).touch()
    monkeypatch.setattr(os, "getuid", lambda: elsewhere.stat().st_uid + 1)
    assert not list(dead(tmp_path))


def test_temporary_files_of_killed_processes_go_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = begin(tmp_path)
    killed.lock.release()
    with scratch_directory() as first, scratch_directory() as second:
        assert not killed.path.exists()
        assert first != second and first.is_dir() and second.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_directory_that_another_process_took_for_dead_is_made_anew(tmp_path, monkeypatch):
    hold, times = owned_directory._hold, iter([True])
    monkeypatch.setattr(
        owned_directory, "_hold", lambda path: None if next(times, False) else hold(path)
    )
    own = begin(tmp_path)
    assert own.files.is_dir()
    own.end()
