"""A file appears complete or not at all."""

import pytest

from export.base.errors import InputError
from export.base.files import refuse_existing, replacing


def test_all_files_appear_at_the_end(tmp_path):
    path = tmp_path / "model.onnx"
    with replacing(path, overwrite=False) as place:
        place.write_text("graph")
        place.with_name("model.onnx.data").write_text("weights")
        assert not path.exists()
    assert path.read_text() == "graph"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path, overwrite=True) as place:
        place.write_text("half")
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
