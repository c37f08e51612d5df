"""What an earlier export left is kept with its entries, or refused; never lost, never mixed."""

import json

import pytest

from export.base.errors import InputError
from export.options import Options
from export.pipeline import export
from export.publishing.check_manifest import check_manifest
from tests.export.archives import save_net


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def onnx(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("onnx") / "out"
    export(source, out, Options(formats=("onnx",)))
    return out


@pytest.fixture
def out(onnx, tmp_path):
    copy = tmp_path / "out"
    copy.mkdir()
    for name, content in contents(onnx).items():
        (copy / name).write_bytes(content)
    return copy


TFLITE = Options(formats=("tflite",), overwrite=True)


def test_the_other_format_stays_with_its_entries_and_verifies(source, out):
    before = contents(out)
    export(source, out, TFLITE)
    manifest = json.loads((out / "manifest.json").read_text())
    assert [entry["path"] for entry in manifest["artifacts"]] == ["model.onnx", "model.tflite"]
    assert set(manifest["names"]["outputs"]["scores"]) == {"model.onnx", "model.tflite"}
    assert (out / "model.onnx").read_bytes() == before["model.onnx"]
    assert "model.onnx" in (out / "report.html").read_text()
    assert set(check_manifest(out / "manifest.json")) == {"model.onnx", "model.tflite"}
    assert all(check_manifest(out / "manifest.json").values())


def test_against_another_reference_what_stays_is_judged_again(source, out):
    before = json.loads((out / "manifest.json").read_text())
    export(source, out, Options(formats=("tflite",), batch=4, overwrite=True))
    after = json.loads((out / "manifest.json").read_text())
    assert after["files"]["reference.npz"] != before["files"]["reference.npz"]
    assert after["artifacts"][0]["path"] == "model.onnx"
    assert all(check_manifest(out / "manifest.json").values())


def test_a_file_that_is_not_what_was_exported_is_not_taken_over(source, out):
    (out / "model.onnx").write_bytes(b"other")
    export(source, out, TFLITE)
    manifest = json.loads((out / "manifest.json").read_text())
    assert [entry["path"] for entry in manifest["artifacts"]] == ["model.tflite"]
    assert (out / "model.onnx").read_bytes() == b"other"


def test_files_of_another_model_or_other_folding_are_not_mixed_in(source, out, tmp_path):
    before = contents(out)
    other = tmp_path / "other.keras"
    save_net(other, name="other")
    for model, options in ((other, {}), (source, {"fold": False})):
        with pytest.raises(InputError, match=r"holds model\.onnx of another model"):
            export(model, out, Options(formats=("tflite",), overwrite=True, **options))
        assert contents(out) == before
