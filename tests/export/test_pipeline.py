import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema

from export import to_onnx, to_tflite, verify
from export.base.errors import ConversionError, InputError, NotEquivalent
from export.base.files import sha256
from export.cli.main import run
from export.keras_model import open_sizes
from export.options import Options
from export.pipeline import export, fold_model
from export.publishing.check_manifest import check_manifest
from export.tflite_format.writer import TFLiteWriter
from fleras.fused_renorm import BatchNormalization
from fold import fold_batch_norms
from sample_models.batch_norms import batch_norms, randomise

REPORT_ALONE = {"manifest.json", "report.html"}
FILES = {
    "folded.keras", "manifest.json", "model.onnx", "model.tflite", "reference.npz", "report.html"
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exported") / "out"
    return directory, export(source, directory, Options())


def manifest_in(directory):
    return json.loads((directory / "manifest.json").read_text())


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_all_files_are_there_with_their_hashes(exported):
    directory, _ = exported
    manifest = json.loads((directory / "manifest.json").read_text())
    assert {path.name for path in directory.iterdir()} == FILES
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert sha256(directory / name) == entry["sha256"]


def test_the_manifest_tells_what_was_done(exported, source):
    manifest = json.loads((exported[0] / "manifest.json").read_text())
    assert manifest["source"] == {
        "file": "net.keras", "sha256": sha256(source), "size": source.stat().st_size
    }  # fmt: skip
    assert manifest["fold"]["counts"] == {"folded": 1, "reduced": 0, "kept": 0}
    assert manifest["fold"]["batch_norms"][0]["name"] == "bn"
    assert manifest["names"]["outputs"]["scores"]["model.onnx"] == {"name": "scores", "index": 0}
    for artifact in manifest["artifacts"]:
        assert artifact["verification"]["equivalent"] is True
        (figures,) = artifact["verification"]["outputs"]
        assert figures["max_abs"] < 1e-3
        assert figures["original_max_abs"] > 0


def test_files_name_their_producer_as_those_of_the_functions_do(exported, source, tmp_path):
    directory, made = exported
    to_onnx(made.model, tmp_path / "model.onnx")
    to_tflite(made.model, tmp_path / "model.tflite")
    for name in ("producer", "producer_version"):
        values = {
            read(home / file)[name]
            for home in (directory, tmp_path)
            for file, read in (("model.onnx", onnx_metadata), ("model.tflite", tflite_metadata))
        }
        assert values == {"fleras" if name == "producer" else version("fleras")}


def onnx_metadata(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def tflite_metadata(path):
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    entries = {entry.name: model.buffers[entry.buffer].data for entry in model.metadata}
    return json.loads(bytes(entries[b"fleras"]))


def test_the_artefact_errs_about_as_much_as_the_original_itself(exported):
    for _, comparison in exported[1].artifacts:
        figures = comparison.outputs["scores"]
        assert figures.max_abs < 4 * figures.original_max_abs


def test_the_folded_model_is_plain_keras_without_batch_norms(exported):
    path = exported[0] / "folded.keras"
    with zipfile.ZipFile(path) as archive:
        assert b"fleras" not in archive.read("config.json")
    assert not batch_norms(keras.models.load_model(path))


def test_one_perturbed_folded_weight_is_found(source, tmp_path):
    original = keras.models.load_model(source)
    folded = fold_batch_norms(original).model
    assert verify(original, to_onnx(folded, tmp_path / "right.onnx").path)
    kernel = folded.get_layer("conv").kernel
    value = kernel.numpy()
    value[1, 1, 0, 2] *= 1.01
    kernel.assign(value)
    comparison = verify(original, to_onnx(folded, tmp_path / "wrong.onnx").path)
    assert not comparison
    assert "FAIL" in str(comparison)


def test_a_fold_that_changes_the_numbers_writes_nothing(source, tmp_path, monkeypatch):
    def wrong(model, options):
        folded, report = fold_model(model, options)
        folded.get_layer("conv").bias.assign_add([0.01] * 4)
        return folded, report

    monkeypatch.setattr("export.pipeline.fold_model", wrong)
    with pytest.raises(NotEquivalent, match=r"^folded\.keras failed: folded\.keras does not comp"):
        export(source, tmp_path / "out", Options())
    assert set(contents(tmp_path / "out")) == REPORT_ALONE


def test_old_files_are_kept_unless_asked(exported, source):
    directory, _ = exported
    before = contents(directory)
    with pytest.raises(InputError, match=r"already holds .*--overwrite"):
        export(source, directory, Options())
    assert contents(directory) == before
    export(source, directory, Options(overwrite=True))
    assert contents(directory) == before


def test_the_size_of_what_is_left_open_is_searched_once(tmp_path, monkeypatch):
    searched = []
    search = open_sizes._smallest
    monkeypatch.setattr(open_sizes, "_smallest", lambda m: searched.append(m) or search(m))
    keras.Sequential(
        [keras.Input((None, None, 2)), keras.layers.Conv2D(3, 3), keras.layers.ReLU()]
    ).save(tmp_path / "open.keras")
    options = Options(precisions=("float32", "float16"))
    exported = export(tmp_path / "open.keras", tmp_path / "out", options)
    assert len(exported.artifacts) == 4
    assert len(searched) == 1


def test_not_folding_keeps_every_batch_norm_and_is_as_right(source, tmp_path):
    exported = export(source, tmp_path / "out", Options(fold=False))
    assert exported.fold.counts["kept"] == 1
    assert not (tmp_path / "out" / "folded.keras").exists()
    assert all(comparison for _, comparison in exported.artifacts)


def test_labels_and_metadata_are_in_the_files(source, tmp_path):
    entries = (("author", "me"), ("license", "Apache-2.0"))
    options = Options(name="net", labels=("cat", "dog", "öwl"), metadata=entries)
    export(source, tmp_path / "out", options)
    props = onnx.load(tmp_path / "out" / "net.onnx").metadata_props
    found = {prop.key: prop.value for prop in props}
    assert json.loads(found["labels"]) == ["cat", "dog", "öwl"]
    assert found["author"] == "me" and json.loads(found["preprocessing"]) == []
    assert b"Apache-2.0" in (tmp_path / "out" / "net.tflite").read_bytes()
    with pytest.raises(InputError, match="2 labels, and the outputs end in"):
        export(source, tmp_path / "other", Options(labels=("cat", "dog")))
    assert not (tmp_path / "other").exists()


def test_formats_batch_and_the_users_inputs(source, tmp_path):
    inputs = tmp_path / "mine.npy"
    np.save(inputs, np.random.default_rng(0).normal(size=(6, 8, 8, 2)))
    options = Options(formats=("onnx",), batch=4, inputs=inputs, keep=("b*",))
    exported = export(source, tmp_path / "out", options)
    assert not (tmp_path / "out" / "model.tflite").exists()
    ((artifact, comparison),) = exported.artifacts
    assert artifact.batch == 4
    assert {figures.shape[0] for figures in comparison.figures} == {4}
    assert ("given",) * 6 in [case.labels for case in exported.reference.cases]
    assert exported.fold[0].code == "asked_to_keep"


def fail(*_, **__):
    raise ConversionError("no such operator; use another format")


BOTH = ("float32", "float16")


def test_a_format_that_can_not_express_the_model_takes_nothing_from_the_other(
    source, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    monkeypatch.setattr(TFLiteWriter, "convert", fail)
    with pytest.raises(ConversionError, match=r"failed \(2 of 4 files\): .*no such oper") as raised:
        export(source, out, Options(precisions=BOTH))
    assert set(contents(out)) == {*FILES - {"model.tflite"}, "model.float16.onnx"}
    failed = ["model.tflite", "model.float16.tflite"]
    assert [outcome.file for outcome in raised.value.exported.failures] == failed
    assert [entry["path"] for entry in manifest_in(out)["failed"]] == failed
    assert "no such operator" in (out / "report.html").read_text()
    assert all(check_manifest(out / "manifest.json").values())


def test_strict_writes_no_file_but_the_report(source, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(TFLiteWriter, "convert", fail)
    with pytest.raises(ConversionError, match="only the report is in"):
        export(source, out, Options(strict=True))
    assert set(contents(out)) == REPORT_ALONE
    assert [entry["exit_code"] for entry in manifest_in(out)["failed"]] == [0, 3]
    monkeypatch.undo()
    export(source, out, Options(strict=True))
    assert set(contents(out)) == FILES
    before = contents(out)
    monkeypatch.setattr(TFLiteWriter, "convert", fail)
    with pytest.raises(ConversionError, match="what an earlier export left was not touched"):
        export(source, out, Options(formats=("tflite",), overwrite=True))
    assert contents(out) == before


def test_a_precision_that_fails_is_told_with_layer_example_and_tolerance(tmp_path, capsys):
    path, out = tmp_path / "over.keras", tmp_path / "out"
    save_overflowing(path)
    arguments = ["export", str(path), "-o", str(out), "--format", "onnx"]
    arguments += ["--precision", "float16", "--precision", "float32"]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith(
        "error: model.float16.onnx failed (1 of 2 files)"
    )
    assert "layer 'huge' is the first that differs" in printed.out
    assert "would pass with --atol" in printed.out.split("layer 'huge'")[1]
    assert (out / "model.onnx").exists() and not (out / "model.float16.onnx").exists()
    (entry,) = manifest_in(out)["failed"]
    assert (entry["layer"], entry["exit_code"]) == ("huge", 1)
    assert entry["verification"]["outputs"][0]["worst_input"]
    assert run([*arguments, "--overwrite", "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["exit_code"] == 1 and printed["artifacts"][0]["path"] == "model.onnx"


def save_overflowing(path):
    """float16 ends at 65504."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    y = keras.layers.Dense(8, name="small")(x)
    y = keras.layers.LayerNormalization(name="norm")(keras.layers.Dense(8, name="huge")(y))
    model = keras.Model(x, keras.layers.Dense(2, name="out")(y), name="over")
    kernel = np.random.default_rng(0).normal(size=(8, 8)) * 1e6
    model.get_layer("huge").kernel.assign(kernel)
    model.save(path)


def saved(path, *, training=None, variance=None):
    x = keras.Input((6, 6, 2), name="x")
    y = keras.layers.Conv2D(3, 3)(x)
    y = BatchNormalization(name="norm")(y, training=training)
    model = randomise(keras.Model(x, keras.layers.Flatten(name="y")(y)))
    if variance is not None:
        model.get_layer("norm").moving_variance.assign([1.0, variance, 1.0])
    model.save(path)
    return path


def test_a_batch_norm_called_with_training_true_stays_with_a_warning(tmp_path, capsys):
    path = saved(tmp_path / "model.keras", training=True)
    assert run(["export", str(path), "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "warning: batch norm 'norm' is called with training=True" in printed.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["fold"]["counts"]["kept"] == 1
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype("float32")
    original = keras.models.load_model(path)
    folded = keras.models.load_model(tmp_path / "out" / "folded.keras")
    np.testing.assert_allclose(folded(x), original(x), atol=1e-6)


@pytest.mark.parametrize("variance", [np.nan, -1.0, np.inf])
def test_broken_statistics_are_an_error_that_names_the_layer(tmp_path, capsys, variance):
    path = saved(tmp_path / "model.keras", variance=variance)
    assert run(["export", str(path), "-o", str(tmp_path / "out")]) == 2
    assert "norm" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.fuzz
def test_killed_at_random_moments_the_old_files_or_the_new_are_there(exported, source, tmp_path):
    """Whole processes, from the command line, ended without warning."""
    out, root = tmp_path / "out", Path(__file__).parents[2]
    export(source, out, Options(fold=False, report=False))
    old, new = contents(out), contents(exported[0])
    arguments = [sys.executable, "-m", "export", "export", str(source), "-o", str(out)]
    for delay in np.linspace(0.5, 30, 20):
        process = subprocess.Popen([*arguments, "--overwrite"], cwd=root, start_new_session=True)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert contents(out) in (old, new)


@pytest.mark.fuzz
def test_concurrent_exports_leave_one_whole_set(exported, source, tmp_path):
    out, root = tmp_path / "out", Path(__file__).parents[2]
    arguments = [sys.executable, "-m", "export", "export", str(source), "-o", str(out)]
    several = [subprocess.Popen([*arguments, "--overwrite"], cwd=root) for _ in range(3)]
    assert [process.wait() for process in several] == [0, 0, 0]
    assert contents(out) == contents(exported[0])
    assert list(tmp_path.iterdir()) == [out]
