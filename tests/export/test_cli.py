import json
import re
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from export.cli import run
from tests.export.archives import save_net
from tests.export.onnx_files import write_dense


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "net.keras"
    save_net(path)
    return path


def fails(capsys, arguments, code, text):
    """One line on standard error that says so, no traceback, nothing on standard output."""
    assert run([str(argument) for argument in arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    assert text in printed.err


def bad_files(directory):
    good = directory / "good.keras"
    save_net(good)
    content = good.read_bytes()
    good.unlink()
    (directory / "empty.keras").touch()
    (directory / "cut.keras").write_bytes(content[: len(content) // 2])
    (directory / "text.keras").write_text("I am no archive")
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Lambda(lambda t: t, name="f")(x)).save(directory / "lambda.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.Sequential([keras.layers.Dense(2)]).save(directory / "unbuilt.keras")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.keras", "there is no file"),
        ("empty.keras", "is empty"),
        ("cut.keras", "cut off"),
        ("text.keras", "not a .keras archive"),
        ("lambda.keras", "'f' is a Lambda"),
        ("unbuilt.keras", "never built"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, capsys, name, text):
    bad_files(tmp_path)
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    fails(capsys, ["export", tmp_path / name, "-o", tmp_path / "out"], 2, text)
    fails(capsys, ["inspect", tmp_path / name], 2, text)
    assert sorted(tmp_path.iterdir()) == before


def test_a_directory_that_can_not_be_written(source, tmp_path, capsys):
    (tmp_path / "file").touch()
    fails(capsys, ["export", source, "-o", tmp_path / "file"], 2, "is a file")
    fails(capsys, ["export", source, "-o", "/proc/nowhere"], 2, "can't write into")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["frobnicate"], "No such command"),
        (["export"], "Missing argument"),
        (["export", "x.keras"], "Missing option"),
        (["export", "x.keras", "-o", "y", "--batch", "many"], "neither a size nor 'dynamic'"),
        (["export", "x.keras", "-o", "y", "--batch", "0"], "neither a size nor 'dynamic'"),
        (["export", "x.keras", "-o", "y", "--batch", "\u00b2"], "neither a size nor 'dynamic'"),
        (["export", "x.keras", "-o", "y", "--opset", "12"], "13<=x<=18"),
        (["export", "x.keras", "-o", "y", "--opset", "new"], "not a valid integer"),
        (["export", "x.keras", "-o", "y", "--rtol", "nan"], "rtol is nan"),
        (["export", "x.keras", "-o", "y", "--atol", "-1"], "atol is -1.0"),
        (["export", "x.keras", "-o", "y", "extra"], "unexpected extra argument"),
        (["export", "x.keras", "-o", "y", "--frobnicate"], "No such option"),
        (["export", "x.keras", "-o", "y", "--format", "torch"], "torch"),
        (["export", "x.keras", "-o", "y", "--precision", "int8"], "--calibration"),
        (["verify", "x.keras"], "give .onnx or .tflite"),
        (["verify", "x.keras", "y.onnx"], "there is no file y.onnx"),
        (["verify", "manifest.json"], "can't read manifest.json"),
        (["verify", "x.keras", "here.onnx", "--atol", "nan"], "atol is nan"),
        (["verify", "here.json"], "is not JSON"),
        (["benchmark"], "Missing argument"),
        (["benchmark", "absent.onnx"], "there is no file absent.onnx"),
        (["benchmark", "empty"], "no .onnx or .tflite file in empty"),
        (["benchmark", "here.onnx", "--batch", "0"], "not in the range"),
        (["benchmark", "here.onnx", "--threads", "-1"], "not in the range"),
        (["benchmark", "here.onnx", "--seconds", "-1"], "not in the range"),
        (["benchmark", "here.onnx"], "the runtime refuses here.onnx"),
        (["inspect"], "Missing argument"),
        (["inspect", "empty"], "is a directory"),
        (["demo", "extra"], "unexpected extra argument"),
        (["doctor", "--verbose"], "No such option"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("here.onnx", "here.json"):
        (tmp_path / name).write_text("nothing of the kind")
    before = sorted(tmp_path.rglob("*"))
    fails(capsys, arguments, 3 if "refuses" in text else 2, text)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_debug_shows_where(tmp_path, capsys, command):
    assert run([command, str(tmp_path / "absent.json"), "--debug"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback")
    assert "export/" in printed
    assert printed.splitlines()[-1].startswith("error: ")


def test_what_nobody_foresaw_is_one_line_too(capsys, monkeypatch):
    def fail():
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr("export.doctor.examine", fail)
    fails(capsys, ["doctor"], 3, "ZeroDivisionError: first second; see --debug for where")


def test_inspect_tells_what_would_become_and_writes_nothing(source, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", str(source), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in report["batch_norms"]] == ["bn"]
    assert run(["inspect", str(source), "--keep", "bn"]) == 0
    assert "kept" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_export_then_verify_then_benchmark(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["export", str(source), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["file"] == "net.keras"
    assert run(["verify", str(out / "manifest.json")]) == 0
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


def test_a_wrong_file_is_exit_code_1(tmp_path, capsys):
    model = keras.Sequential([keras.Input((5,), name="x"), keras.layers.Dense(3, name="y")])
    model.save(tmp_path / "model.keras")
    path = write_dense(tmp_path / "wrong.onnx", model.layers[0], bias=0.01)
    assert run(["verify", str(tmp_path / "model.keras"), str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error:")
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
    fails(capsys, arguments, 3, "layer 'cumprod'")
    assert not (tmp_path / "out").exists()


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
        "import sys; from export.cli import run; run(['--help']); run(['export', '--help']);"
        "print({'tensorflow', 'keras', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_help_of_every_command(capsys):
    for name in ("export", "inspect", "verify", "benchmark", "demo", "doctor"):
        assert run([name, "--help"]) == 0
        assert "--debug" in capsys.readouterr().out
