"""A file that is replaced while it is exported: the manifest names the one that was loaded."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from export.base.files import sha256, size_of
from export.keras_model.run import run_model
from export.loading import load_model as loading
from export.loading.load_model import load_model
from export.options import Options
from export.pipeline import export

X = np.ones((2, 3), "float32")


def save_keras(directory: Path, value: float, name: str) -> Path:
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="y")])
    model.set_weights([np.full((3, 2), value), np.zeros(2)])
    path = directory / name
    if path.suffix == ".json":
        path.write_text(model.to_json())
        model.save_weights(directory / "net.weights.h5")
    else:
        model.save(path)
    return path


def save_folder(directory: Path, value: float, name: str) -> Path:
    import tf_keras

    layer = tf_keras.layers.Dense(2, name="y")
    model = tf_keras.Sequential([tf_keras.layers.Input((3,), name="x"), layer])
    model.set_weights([np.full((3, 2), value), np.zeros(2)])
    model.save(directory / name, save_format="tf")
    return directory / name


KINDS = {"net.keras": save_keras, "net.h5": save_keras, "net.json": save_keras, "net": save_folder}


def replace(directory: Path, other: Path) -> None:
    """Every file in the one by that of the same name in the other."""
    shutil.rmtree(directory)
    shutil.copytree(other, directory)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", KINDS)
def test_the_manifest_names_what_was_loaded(tmp_path, name):
    first, second, out = (tmp_path / each for each in ("first", "second", "out"))
    for directory, value in ((first, 1.0), (second, 2.0)):
        directory.mkdir()
        KINDS[name](directory, value, name)
    source, weights = first / name, first / "net.weights.h5"
    known = {"file": name, "sha256": sha256(source), "size": size_of(source)}
    if weights.exists():
        size = weights.stat().st_size
        known["weights"] = {"file": weights.name, "sha256": sha256(weights), "size": size}
    steps = []

    def swap(step: str) -> None:
        steps.append(step)
        if step.startswith("Folding"):
            replace(first, second)

    given = weights if weights.exists() else None
    options = Options(formats=("onnx",), weights=given, report=False)
    exported = export(source, out, options, swap)
    assert any(step.startswith("Folding") for step in steps)
    np.testing.assert_array_equal(next(iter(run_model(exported.original, {"x": X}).values())), 3.0)
    assert json.loads((out / "manifest.json").read_text())["source"] == known
    properties = {e.key: e.value for e in onnx.load(out / "model.onnx").metadata_props}
    assert properties["source_sha256"] == known["sha256"]


def test_what_is_loaded_is_what_was_checked(tmp_path, monkeypatch):
    """Replaced between the checks and Keras."""
    for each in ("first", "second"):
        (tmp_path / each).mkdir()
    path = save_keras(tmp_path / "first", 1.0, "net.keras")
    save_keras(tmp_path / "second", 2.0, "net.keras")
    checked = loading.check_config

    def swap(*args):
        checked(*args)
        replace(tmp_path / "first", tmp_path / "second")

    monkeypatch.setattr(loading, "check_config", swap)
    np.testing.assert_array_equal(load_model(path)(X), 3.0)


def test_nothing_is_left_of_the_copy(tmp_path, monkeypatch):
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(home))
    load_model(save_keras(tmp_path, 1.0, "net.keras"))
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(loading.InputError, match="cut off"):
        load_model(tmp_path / "broken.keras")
    assert not list(home.iterdir())
