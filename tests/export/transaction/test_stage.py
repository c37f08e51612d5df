import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from export.base.errors import InputError
from export.publishing.publish import staged

NAMES = ("model.onnx", "model.tflite", "manifest.json")


def fill(directory, word, **kwargs):
    with staged(directory, **{"overwrite": True, **kwargs}) as stage:
        for name in NAMES:
            (stage / name).write_text(word)


def words(directory):
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_a_new_directory_appears_with_all_files(tmp_path):
    with staged(tmp_path / "a" / "b", overwrite=False) as stage:
        (stage / "model.onnx").write_text("new")
        assert not (tmp_path / "a").exists()
    assert words(tmp_path / "a" / "b") == {"model.onnx": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


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
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_that_can_not_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        fill(tmp_path / "file", "new")
    with pytest.raises(InputError, match="can't write into"):
        fill(Path("/proc/nowhere/out"), "new")


def test_a_link_to_a_directory_stays_a_link(tmp_path):
    (tmp_path / "elsewhere" / "real").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere" / "real")
    for word in ("old", "new"):
        fill(tmp_path / "out", word)
    assert (tmp_path / "out").is_symlink()
    assert words(tmp_path / "elsewhere" / "real") == dict.fromkeys(NAMES, "new")


def test_a_loop_of_links_is_no_directory(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("loop", "loop/out"):
        with pytest.raises(InputError, match="can't write into"):
            fill(tmp_path / path, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from export.publishing.publish import staged

    for _ in range(20):
        with staged(Path(sys.argv[1]), overwrite=True) as stage:
            for name in ("model.onnx", "model.tflite", "manifest.json"):
                (stage / name).write_text(sys.argv[2])
    """)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "among others"])
def test_concurrent_exports_leave_one_whole_set(tmp_path, beside):
    out = tmp_path / "out"
    if beside:
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(out), word], env=environment)
        for word in ("one", "two", "three", "four")
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    left = words(out)
    assert left.pop("notes.txt", "mine") == "mine"
    assert set(left) == set(NAMES)
    assert len(set(left.values())) == 1
    assert list(tmp_path.iterdir()) == [out]
