import json
import re
import subprocess
import sys

import keras
import numpy as np

from export.cli.main import run
from export.formats import open_artifact
from tests.export import zoo
from tests.export.onnx_files import write_dense
from tests.export.test_wrong_use import error_line, fails


def test_inspect_tells_what_would_become_and_writes_nothing(source, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", str(source), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in report["batch_norms"]] == ["bn"]
    assert run(["inspect", str(source), "--keep", "bn"]) == 0
    printed = capsys.readouterr().out
    assert "kept" in printed and "bn: Leave it out of `keep` to have it folded." in printed
    assert not list(tmp_path.iterdir())


def test_export_then_verify_then_benchmark(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["export", str(source), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["file"] == "net.keras"
    assert run(["verify", str(out / "manifest.json")]) == 0
    assert capsys.readouterr().out.count("equivalent") == 2
    assert run(["--quiet", "verify", str(out)]) == 0
    assert capsys.readouterr().out.count("equivalent") == 2
    files = [str(out / "model.onnx"), str(out / "model.tflite")]
    assert run(["verify", str(source), *files, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(files)
    assert run(["benchmark", str(out), "--seconds", "0.05", "--json"]) == 0
    latencies = json.loads(capsys.readouterr().out)
    assert [latency["name"] for latency in latencies] == files
    assert all(0 < latency["median"] <= latency["p95"] for latency in latencies)
    fails(capsys, ["export", source, "-o", out], 2, "already holds")
    (out / "model.onnx").write_bytes(b"x")
    assert run(["verify", str(out / "manifest.json")]) == 1


def test_a_dynamic_batch_is_free_in_both_formats_and_files_lie_beside_the_model(source, tmp_path):
    model = tmp_path / "own.keras"
    model.write_bytes(source.read_bytes())
    assert run(["export", str(model), "--batch", "dynamic"]) == 0
    manifest = json.loads((tmp_path / "own-export" / "manifest.json").read_text())
    for name in ("own.onnx", "own.tflite"):
        assert open_artifact(tmp_path / "own-export" / name).inputs[0].shape[0] is None
    assert manifest["source"]["file"] == "own.keras"


def test_a_pattern_without_a_match_is_told_with_the_nearest_names(source, tmp_path, capsys):
    arguments = ["export", source, "-o", tmp_path / "out", "--keep", "bn_1"]
    fails(capsys, arguments, 2, "--keep 'bn_1' matches no batch norm; the nearest are bn")
    assert not (tmp_path / "out").exists()


def test_a_failure_is_json_too(tmp_path, capsys):
    assert run(["inspect", str(tmp_path / "absent.keras"), "--json"]) == 2
    printed = json.loads(capsys.readouterr().out)
    assert printed["exit_code"] == 2 and "there is no file" in printed["error"]


def test_a_wrong_file_is_exit_code_1(tmp_path, capsys):
    model = keras.Sequential([keras.Input((5,), name="x"), keras.layers.Dense(3, name="y")])
    model.save(tmp_path / "model.keras")
    path = write_dense(tmp_path / "wrong.onnx", model.layers[0], bias=0.01)
    assert run(["verify", str(tmp_path / "model.keras"), str(path)]) == 1
    printed = capsys.readouterr()
    assert error_line(printed.err).startswith("error:")
    assert "NOT equivalent" in printed.out
    (advice,) = re.findall(r"output y: would pass with (--atol \S+)", printed.out)
    again = ["verify", str(tmp_path / "model.keras"), str(path)]
    assert run([*again, *advice.split()]) == 0
    assert run([*again, "--atol", str(0.9 * float(advice.split()[1]))]) == 1


def test_a_conversion_that_fails_is_exit_code_3(tmp_path, capsys):
    x = keras.Input((4,), name="x")
    keras.Model(x, keras.ops.cumprod(x, axis=-1)).save(tmp_path / "product.keras")
    arguments = ["export", tmp_path / "product.keras", "-o", tmp_path / "out"]
    arguments += ["--format", "tflite"]
    assert run([str(argument) for argument in arguments]) == 3
    printed = capsys.readouterr()
    assert error_line(printed.err).startswith("error: model.tflite failed: layer 'cumprod'")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"manifest.json", "report.html"}
    fails(capsys, ["verify", tmp_path / "out"], 2, "lists no artefact")


def test_custom_objects_are_allowed_by_name(tmp_path, capsys, monkeypatch):
    (tmp_path / "scaling.py").write_text(
        "import keras\n"
        "class Halve(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return x / 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import scaling

    x = keras.Input((4,), name="x")
    keras.Model(x, scaling.Halve(name="half")(x)).save(tmp_path / "model.keras")
    fails(capsys, ["inspect", tmp_path / "model.keras"], 2, "--custom-objects scaling:Halve")
    arguments = ["export", str(tmp_path / "model.keras"), "-o", str(tmp_path / "out")]
    assert run([*arguments, "--custom-objects", "scaling:Halve"]) == 0


def test_a_file_that_no_runtime_here_can_run_is_written_with_a_warning(tmp_path, capsys):
    zoo.build(zoo.flex).save(tmp_path / "flex.keras")
    out = tmp_path / "out"
    arguments = ["export", tmp_path / "flex.keras", "-o", out, "--format", "tflite"]
    arguments += ["--custom-objects", "tests.export.zoo:Inverse"]
    assert run([str(argument) for argument in arguments]) == 3
    assert "--allow-flex" in capsys.readouterr().err
    assert not (out / "model.tflite").exists()
    assert run([*map(str, arguments), "--allow-flex"]) == 0
    printed = capsys.readouterr()
    assert "NOT RUN and not compared" in printed.err and "error:" not in printed.err
    assert "equivalent" not in printed.out
    assert run(["verify", str(out / "manifest.json")]) == 1
    assert "where LiteRT has the Flex delegate" in capsys.readouterr().err


def test_inputs_of_the_wrong_shape(source, tmp_path, capsys):
    np.save(tmp_path / "wrong.npy", np.zeros((2, 3)))
    arguments = ["export", source, "-o", tmp_path / "out", "--inputs", tmp_path / "wrong.npy"]
    fails(capsys, arguments, 2, "has shape (2, 3)")


def test_doctor(capsys):
    assert run(["doctor", "--json"]) == 0
    names = {finding["name"] for finding in json.loads(capsys.readouterr().out)}
    assert {"Python", "tensorflow", "ONNX Runtime", "LiteRT"} <= names


def test_help_imports_neither_tensorflow_nor_the_runtimes():
    code = (
        "import sys; from export.cli.main import run; run(['--help']); run(['export', '--help']);"
        "print({'tensorflow', 'keras', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_help_of_every_command(capsys):
    for name in ("export", "inspect", "verify", "benchmark", "demo", "doctor"):
        assert run([name, "--help"]) == 0
        assert "--debug" in capsys.readouterr().out
