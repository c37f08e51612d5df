"""Each kill is a SIGKILL of a real process, at each of its calls into the system in turn."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from export.formats import FORMATS
from export.onnx_format.engine import DATA_SUFFIX
from export.publishing.publish import files_of, staged
from export.transaction import publish as publishing
from export.transaction.file_set import COMMITTED, MARK, FileSet
from export.transaction.publish import settle

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
    for left in root.glob(f"**/.out{MARK}*"):
        shutil.rmtree(left)
    shutil.rmtree(root / "out", ignore_errors=True)


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
def test_among_other_files_a_kill_is_made_good_by_who_looks_next(tmp_path, killed, old):
    out, seen, mixed, stop = tmp_path / "out", [], 0, 0
    before = whole("old", OLD) if old else {}
    while True:
        start_over(tmp_path)
        (out / "more").mkdir(parents=True)
        (out / "notes.txt").write_text("mine")
        if old:
            fill(out, "old", OLD)
        stop += 1
        died = killed(stop)
        others = {"notes.txt": "mine"}
        if words(out) not in (before | others, whole("new", NEW) | others):
            mixed += 1
            assert words(out).get("manifest.json") == ("old" if old else None)
        settle(files_of(out, True))
        left = words(out)
        assert left.pop("notes.txt") == "mine"
        assert left in (before, whole("new", NEW))
        assert not list(tmp_path.glob(f".out*{COMMITTED}"))
        seen.append(left)
        if not died:
            break
    assert mixed
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
    monkeypatch.setattr(publishing, "_exchanged", lambda stage, directory: False)
    test_an_old_set_goes_as_a_whole_and_files_of_others_stay(tmp_path)


def test_the_directory_worked_in_is_not_exchanged_under_our_feet(tmp_path, monkeypatch):
    out = tmp_path / "out"
    fill(out, "old", OLD)
    monkeypatch.chdir(out)
    fill(out, "new", NEW)
    assert words(Path()) == whole("new", NEW)


def test_what_another_user_left_there_is_not_moved_in(tmp_path, monkeypatch):
    out, trap = tmp_path / "out", tmp_path / f".out{MARK}evil{COMMITTED}"
    fill(out, "old", OLD)
    trap.mkdir()
    (trap / "model.onnx").write_text("evil")
    monkeypatch.setattr(os, "getuid", lambda: trap.stat().st_uid + 1)
    settle(files_of(out, True))
    assert words(out) == whole("old", OLD)


def test_a_mount_point_is_written_from_within():
    if not Path("/dev/shm").is_mount():
        pytest.skip("no file system is mounted there")
    assert files_of(Path("/dev/shm"), True).homes() == [Path("/dev/shm")]


def test_a_stage_that_another_process_has_just_moved_is_nobodys_business(tmp_path, monkeypatch):
    gone = tmp_path / f".out{MARK}gone{COMMITTED}"
    monkeypatch.setattr(FileSet, "stages", lambda self, home: [gone])
    settle(files_of(tmp_path, True))
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_none_is_settled_by_nobody(tmp_path):
    settle(files_of(tmp_path / "absent", True))
    (tmp_path / "file").touch()
    settle(files_of(tmp_path / "file", True))


def test_the_lock_is_that_of_the_directory_that_is_there_by_then(tmp_path):
    out, found = tmp_path / "out", []
    out.mkdir()

    def wait_then_look():
        with publishing._locked(out):
            other = os.open(out, os.O_RDONLY)
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append("locked")
            os.close(other)

    waiting = threading.Thread(target=wait_then_look)
    with publishing._locked(out):
        waiting.start()
        time.sleep(0.1)
        out.rename(tmp_path / "before")
        out.mkdir()
    waiting.join()
    assert found == ["locked"]


def test_files_of_every_format_go_with_their_set(tmp_path):
    files = [f"model{suffix}" for row in FORMATS.values() for suffix in row.suffixes]
    data = [f"{name}{DATA_SUFFIX}" for name in files if name.endswith(".onnx")]
    fill(tmp_path / "out", "old", (*files, *data))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    fill(tmp_path / "out", "new", ())
    assert words(tmp_path / "out") == whole("new", ()) | {"notes.txt": "mine"}
