import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from export.errors import InputError
from export.staging import MARK, staged

NAMES = ("model.onnx", "model.tflite", "manifest.json")

WRITER = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from export.staging import staged

    directory, word, stop = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = 0

    def hook(event, arguments):
        global count
        if event.split(".")[0] in ("open", "os", "shutil", "fcntl"):
            count += 1
            if count == stop:
                os._exit(9)

    import fcntl, shutil, ctypes
    sys.addaudithook(hook)
    with staged(directory, overwrite=True) as stage:
        for name in ("model.onnx", "model.tflite", "manifest.json"):
            (stage / name).write_text(word)
    """)


def fill(directory, word, **kwargs):
    with staged(directory, **{"overwrite": True, **kwargs}) as stage:
        for name in NAMES:
            (stage / name).write_text(word)


def words(directory):
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


def start(directory, word, stop=0):
    arguments = [sys.executable, "-c", WRITER, str(directory), word, str(stop)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_new_directory_appears_with_all_files(tmp_path):
    fill(tmp_path / "a" / "b", "new")
    assert words(tmp_path / "a" / "b") == dict.fromkeys(NAMES, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_old_set_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    fill(out, "old")
    (out / "model.int8.tflite").write_text("old")
    fill(out, "new")
    assert words(out) == dict.fromkeys(NAMES, "new")
    assert list(tmp_path.iterdir()) == [out]


def test_files_of_others_stay(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    fill(out, "old")
    fill(out, "new")
    assert words(out) == {"notes.txt": "mine", **dict.fromkeys(NAMES, "new")}


def test_nothing_is_left_when_the_work_fails(tmp_path):
    with pytest.raises(KeyError), staged(tmp_path / "out", overwrite=False) as stage:
        (stage / "model.onnx").write_text("half")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_old_files_are_not_replaced_unless_asked(tmp_path):
    out = tmp_path / "out"
    fill(out, "old")
    with pytest.raises(InputError, match=r"already holds manifest.json, .*--overwrite"):
        fill(out, "new", overwrite=False)
    assert words(out) == dict.fromkeys(NAMES, "old")


def test_a_place_that_can_not_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        fill(tmp_path / "file", "new")
    with pytest.raises(InputError, match="can't write into"):
        fill(Path("/proc/nowhere/out"), "new")


def test_stages_of_killed_exports_are_removed_and_live_ones_are_not(tmp_path):
    old = tmp_path / f".out{MARK}dead"
    old.mkdir()
    past = time.time() - 1e5
    os.utime(old, (past, past))
    with staged(tmp_path / "out", overwrite=False) as live:
        os.utime(live, (past, past))
        fill(tmp_path / "out", "other")
        assert not old.exists()
        assert live.exists()
        (live / "else.txt").write_text("x")


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "among others"])
def test_a_kill_at_any_moment_leaves_the_old_files_or_the_new(tmp_path, beside):
    """Ends the writer at each of its calls into the system, one after the other."""
    out = tmp_path / "out"
    fill(out, "old")
    if beside:
        (out / "notes.txt").write_text("mine")
    seen, stop, killed = set(), 0, True
    while killed:
        stop += 1
        fill(out, "old")
        killed = start(out, "new", stop).wait() == 9
        left = words(out)
        assert left.pop("notes.txt", "mine") == "mine"
        assert set(left) == set(NAMES)
        assert beside or len(set(left.values())) == 1
        seen |= set(left.values())
        for stage in tmp_path.glob(f".out{MARK}*"):
            shutil.rmtree(stage)
    assert stop > 20
    assert seen == {"old", "new"}


def test_concurrent_exports_leave_one_whole_set(tmp_path):
    out = tmp_path / "out"
    for _ in range(3):
        writers = [start(out, word) for word in ("one", "two", "three", "four")]
        for writer in writers:
            assert writer.wait() == 0
        left = words(out)
        assert set(left) == set(NAMES)
        assert len(set(left.values())) == 1
    assert list(tmp_path.iterdir()) == [out]
