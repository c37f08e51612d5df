import os

import pytest

from export.base.errors import InputError
from export.base.paths import given_path
from tests.export.test_wrong_use import fails


def test_an_empty_path_is_none(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.keras").touch()
    for arguments in (
        ["export", "m.keras", "-o", ""],
        ["demo", "-o", ""],
        ["export", ""],
        ["verify", "", "m.keras"],
        ["convert", "m.keras", ""],
        ["benchmark", ""],
    ):
        fails(capsys, arguments, 2, "is empty")
    with pytest.raises(InputError, match="empty path"):
        given_path("")
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


@pytest.mark.parametrize("name", [b"out\xff", b"\xff/out", b"\xff/a.onnx"])
def test_names_that_are_no_utf8_are_refused_and_others_are_not(name, tmp_path):
    with pytest.raises(InputError, match="no UTF-8"):
        given_path(tmp_path / os.fsdecode(name))
    assert given_path("käse/出力") is not None


def test_a_folder_whose_name_is_no_utf8(source, tmp_path, capsys):
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "a.onnx").write_bytes(b"x")
    fails(capsys, ["export", source, "-o", folder], 2, "no UTF-8")
    fails(capsys, ["verify", source, folder / "a.onnx"], 2, "no UTF-8")
    fails(capsys, ["benchmark", folder], 2, "no UTF-8")
    assert [path.name for path in folder.iterdir()] == ["a.onnx"]
