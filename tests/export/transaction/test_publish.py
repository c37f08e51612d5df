"""Each kill is a SIGKILL of a real process, at each of its calls into the system in turn."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from export.base.errors import InputError
from export.formats import FORMATS
from export.onnx_format.engine import DATA_SUFFIX
from export.publishing.publish import files_of, staged
from export.transaction import publish as publishing

OLD = ("model.onnx", "model.onnx.data", "model.tflite")
NEW = ("model.onnx", "model.tflite")

WRITER = textwrap.dedent("""
    import ctypes, fcntl, json, os, shutil, signal, sys
    from pathlib import Path
    from tests.export.transaction.test_publish import NEW, fill

    def work(stop):
        count = 0

        def hook(event, arguments):
            nonlocal count
            if event.split(".")[0] in ("open", "os", "shutil", "fcntl"):
                count += 1
                if count == stop:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        fill(Path(sys.argv[1]), "new", NEW)

    for line in sys.stdin:
        if (child := os.fork()) == 0:
            work(int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    """)


@pytest.fixture
def killed(tmp_path):
    """Writes the new set into `out` in a process that is killed at its nth call; whether it was."""
    arguments = [sys.executable, "-c", WRITER, str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, env=environment, **pipes) as server:

        def kill_at(stop):
            print(stop, file=server.stdin, flush=True)
            code = int(server.stdout.readline())
            assert code in (0, -signal.SIGKILL)
            return code != 0

        yield kill_at
        server.stdin.close()


def fill(directory, word, names):
    """A set whose manifest lists it, as an export writes it."""
    with staged(directory, overwrite=True) as stage:
        for name in names:
            (stage / name).write_text(word)
        text = json.dumps({"word": word, "files": dict.fromkeys(names, entry(word))})
        (stage / "manifest.json").write_text(text)


def entry(word):
    return {"sha256": hashlib.sha256(word.encode()).hexdigest()}


def words(directory):
    """The word in each file; the manifest's own stands in it."""
    found = {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}
    manifest = json.loads(found["manifest.json"]) if "manifest.json" in found else {}
    return found | ({"manifest.json": manifest["word"]} if manifest else {})


def whole(word, names):
    return dict.fromkeys((*names, "manifest.json"), word)


def start_over(root):
    for left in [*root.glob(".out.*"), root / "out"]:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def recover(directory):
    """What the next writer does, even if it then fails."""
    with contextlib.suppress(KeyError), staged(directory, overwrite=True):
        raise KeyError


@pytest.mark.parametrize("old", [True, False], ids=["over an old set", "into nothing"])
def test_a_kill_at_any_moment_leaves_the_old_files_or_the_new(tmp_path, killed, old):
    out, seen, stop = tmp_path / "out", [], 0
    while True:
        start_over(tmp_path)
        if old:
            fill(out, "old", OLD)
        stop += 1
        died = killed(stop)
        left = words(out) if out.exists() else {}
        assert left in (whole("old", OLD) if old else {}, whole("new", NEW))
        seen.append(left)
        if not died:
            break
    assert stop > 15
    assert seen[0] != seen[-1] == whole("new", NEW)


@pytest.mark.parametrize("old", [True, False], ids=["over an old set", "into nothing"])
def test_among_other_files_old_and_new_are_never_there_together(tmp_path, killed, old):
    """The folder as it is at every step, then as the next writer leaves it."""
    out, seen, between, stop = tmp_path / "out", [], 0, 0
    before = whole("old", OLD) if old else {}
    while True:
        start_over(tmp_path)
        (out / "more").mkdir(parents=True)
        (out / "notes.txt").write_text("mine")
        if old:
            fill(out, "old", OLD)
        stop += 1
        died = killed(stop)
        found = words(out)
        assert found.pop("notes.txt") == "mine"
        assert len(set(found.values())) <= 1
        if "manifest.json" in found:
            assert found in (before, whole("new", NEW))
        between += found not in (before, whole("new", NEW))
        recover(out)
        left = words(out)
        assert left.pop("notes.txt") == "mine"
        assert left in (before, whole("new", NEW))
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        seen.append(left)
        if not died:
            break
    assert between
    assert seen[0] == before
    assert seen[-1] == whole("new", NEW)


def test_an_old_set_goes_as_a_whole_and_files_of_others_stay(tmp_path):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    fill(out, "new", NEW)
    assert words(out) == whole("new", NEW)
    (out / "notes.txt").write_text("mine")
    (out / "model.mine.onnx").write_text("mine")
    fill(out, "old", OLD)
    fill(out, "new", NEW)
    others = dict.fromkeys(("notes.txt", "model.mine.onnx"), "mine")
    assert words(out) == whole("new", NEW) | others
    assert list(tmp_path.iterdir()) == [out]


def test_no_manifest_can_have_other_files_removed(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    (out / "mine.onnx").write_text("mine")
    (tmp_path / "model.x.onnx").write_text("mine")
    names = ["thesis.tex", "../model.x.onnx", "model./../../model.x.onnx"]
    files = dict.fromkeys(names, entry("mine")) | {"mine.onnx": entry("another")}
    (out / "manifest.json").write_text(json.dumps({"files": files, "word": "evil"}))
    fill(out, "new", NEW)
    others = {"thesis.tex": "mine", "mine.onnx": "mine"}
    assert words(out) == whole("new", NEW) | others
    assert (tmp_path / "model.x.onnx").exists()


@pytest.mark.parametrize(
    "files", [None, 3, [], {"model.onnx": None}, {"model.onnx": {"sha256": 1}}]
)
def test_a_manifest_of_another_form_lists_nothing(tmp_path, files):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    (out / "manifest.json").write_text(json.dumps({"files": files, "word": "odd"}))
    fill(out, "new", NEW)
    assert words(out) == whole("new", NEW) | {"model.onnx.data": "old"}


def test_files_of_any_name_are_recognized_by_what_the_manifest_says(tmp_path):
    out, renamed = tmp_path / "out", ("net.onnx", "net.float16.tflite")
    fill(out, "old", renamed)
    fill(out, "new", NEW)
    assert words(out) == whole("new", NEW)


def test_without_the_exchange_the_files_go_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "_exchanged", lambda new, files: False)
    test_an_old_set_goes_as_a_whole_and_files_of_others_stay(tmp_path)


def test_the_directory_worked_in_is_not_exchanged_under_our_feet(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    monkeypatch.chdir(out)
    fill(out, "new", NEW)
    assert words(Path()) == whole("new", NEW)


def test_a_file_that_others_add_while_directories_are_exchanged_stays(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "old", OLD)

    def holds_only_a_set(files):
        (files.directory / "late.txt").write_text("mine")
        return True

    monkeypatch.setattr(publishing, "_holds_only_a_set", holds_only_a_set)
    fill(out, "new", NEW)
    assert words(out) == whole("new", NEW) | {"late.txt": "mine"}


def test_a_directory_of_the_name_of_a_file_is_refused_and_left_alone(tmp_path):
    out = tmp_path / "out"
    (out / "model.onnx" / "mine").mkdir(parents=True)
    with pytest.raises(InputError, match="is a directory"):
        fill(out, "new", NEW)
    assert [path.name for path in out.iterdir()] == ["model.onnx"]
    assert (out / "model.onnx" / "mine").is_dir()


def test_old_files_that_can_not_be_moved_leave_the_old_set(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    (out / "notes.txt").write_text("mine")
    replace = Path.replace

    def refuse(self, target):
        if self == out / "model.tflite":
            raise PermissionError(1, "Operation not permitted")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match=r"can't write into .* \(Operation not permitted\)"):
        fill(out, "new", NEW)
    assert words(out) == whole("old", OLD) | {"notes.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("moment", ["model.onnx", "model.tflite", "manifest.json"])
def test_an_interruption_comes_too_late_once_the_set_is_complete(tmp_path, monkeypatch, moment):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    (out / "notes.txt").write_text("mine")
    replace, times = Path.replace, iter([True])

    def interrupt(self, target):
        if self.name == moment and next(times, False):
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fill(out, "new", NEW)
    assert words(out) == whole("new", NEW) | {"notes.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_mount_point_is_written_from_within():
    if not Path("/dev/shm").is_mount():
        pytest.skip("no file system is mounted there")
    assert files_of(Path("/dev/shm"), True).homes() == [Path("/dev/shm")]


def test_files_of_every_format_go_with_their_set(tmp_path):
    files = [f"model{suffix}" for row in FORMATS.values() for suffix in row.suffixes]
    data = [f"{name}{DATA_SUFFIX}" for name in files if name.endswith(".onnx")]
    fill(tmp_path / "out", "old", (*files, *data))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    fill(tmp_path / "out", "new", ())
    assert words(tmp_path / "out") == whole("new", ()) | {"notes.txt": "mine"}
