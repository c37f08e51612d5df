"""What files of both formats have to do alike: precisions, determinism, discretion."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import export
from export.formats import open_artifact
from export.keras_model.run import run_model
from export.verification.comparison import compare
from tests.export import zoo

ROOT = Path(__file__).parents[3]
FORMATS = {"onnx": zoo.lstm, "tflite": zoo.norms}
"""The network whose bytes have to be the same each time."""
SCRIPT = """
import export, keras, sys
model = keras.models.load_model(sys.argv[2])
print(getattr(export, f"to_{sys.argv[1]}")(model, sys.argv[3]).sha256)
"""


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("precision", ["float16", "dynamic_int8", "int8"])
def test_precisions_are_smaller_and_agree(form, precision, tmp_path):
    model, write = zoo.build(zoo.classifier), getattr(export, f"to_{form}")
    data = np.random.default_rng(0).normal(size=(40, 16, 16, 3)).astype("float32")
    artifact = write(model, tmp_path / f"m.{form}", precision=precision, calibration=data)
    plain = write(model, tmp_path / f"plain.{form}")
    assert artifact.size < 0.7 * plain.size
    feeds = zoo.feeds(model, artifact.batch or 8)
    found = open_artifact(artifact.path)(feeds)
    assert compare(run_model(model, feeds), found, precision=precision)
    if form == "onnx" and precision == "int8":
        assert {"QuantizeLinear", "DequantizeLinear"} <= artifact.operators.keys()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_model_gives_the_same_bytes(form, tmp_path):
    """Twice here, and in a process that hashes otherwise."""
    source, write = tmp_path / "model.keras", getattr(export, f"to_{form}")
    zoo.build(FORMATS[form]).save(source)
    model = keras.models.load_model(source)
    hashes = {write(model, tmp_path / f"{i}.{form}").sha256 for i in range(2)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, form, source, tmp_path / f"child.{form}"],
        env=os.environ | {"PYTHONHASHSEED": "5"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert hashes == {result.stdout.strip()}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_of_the_machine_is_in_the_file(form, tmp_path):
    artifact = getattr(export, f"to_{form}")(zoo.build(zoo.norms), tmp_path / f"model.{form}")
    content = artifact.path.read_bytes()
    assert str(tmp_path).encode() not in content and str(ROOT).encode() not in content
