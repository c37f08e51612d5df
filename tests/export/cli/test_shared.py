from pathlib import Path

from export.cli.shared import expand


def test_directories_and_manifests_stand_for_their_artefacts(tmp_path):
    for name in ("b.onnx", "a.tflite", "c.onnx", "manifest.json", "notes.txt"):
        (tmp_path / name).touch()
    expected = [tmp_path / name for name in ("b.onnx", "c.onnx", "a.tflite")]
    assert expand([tmp_path]) == expand([tmp_path / "manifest.json"]) == expected
    assert expand([Path("x.onnx")]) == [Path("x.onnx")]
