"""A file appears complete or not at all."""

import pytest

from export.base.errors import InputError
from export.base.files import refuse_existing
from export.publishing.publish import staged
from export.transaction import publish, stage
from export.transaction.stage import replacing


def test_all_files_appear_at_the_end(tmp_path):
    path = tmp_path / "model.onnx"
    with replacing(path, overwrite=False) as target:
        target.write_text("graph")
        target.with_name("model.onnx.data").write_text("weights")
        assert not path.exists()
    assert path.read_text() == "graph"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path, overwrite=True) as target:
        target.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_existing_files_and_missing_directories_are_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.touch()
    with pytest.raises(InputError, match="exists"):
        refuse_existing(path, overwrite=False)
    with (
        pytest.raises(InputError, match="can't write"),
        replacing(tmp_path / "no" / "x.onnx", True),
    ):
        pass


def test_a_kill_between_the_files_is_made_good_by_who_writes_there_next(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    write(path, "old")
    monkeypatch.setattr(stage, "complete", lambda own, files: None)
    monkeypatch.setattr(publish, "complete", lambda own, files: None)
    write(path, "new")
    monkeypatch.undo()
    assert (path.read_text(), path.with_name("model.onnx.data").read_text()) == ("old", "old")
    with pytest.raises(InputError, match="exists"):
        write(path, "newer", overwrite=False)
    with pytest.raises(RuntimeError), replacing(path, overwrite=True):
        raise RuntimeError
    assert (path.read_text(), path.with_name("model.onnx.data").read_text()) == ("new", "new")
    assert len(list(tmp_path.iterdir())) == 2


def write(path, word, overwrite=True):
    with replacing(path, overwrite) as target:
        target.write_text(word)
        target.with_name("model.onnx.data").write_text(word)


def test_a_file_of_a_set_in_the_making_appears_within_it(tmp_path):
    with staged(tmp_path / "out", overwrite=False) as directory:
        write(directory / "model.onnx", "graph")
        with pytest.raises(RuntimeError), replacing(directory / "model.tflite", False) as target:
            target.write_text("half")
            raise RuntimeError
    names = {"model.onnx", "model.onnx.data"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == names
