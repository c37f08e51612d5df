"""Every wrong use is one line on standard error and exit code 2, and nothing is written."""

import re
import warnings

import keras
import pytest

from export.cli.main import run
from tests.export.archives import save_net

STEP = re.compile(r" *\d+\.\d s  \S.*")


def error_line(printed):
    """The last line on standard error; before it there are steps alone, and no traceback."""
    *steps, last = printed.splitlines()
    assert all(STEP.fullmatch(step) for step in steps)
    assert last.startswith("error: ")
    return last


def fails(capsys, arguments, code, text):
    """One line on standard error says so, behind the steps so far; there is no result."""
    assert run([str(argument) for argument in arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert text in error_line(printed.err)


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
        (["exprot"], "Did you mean 'export'?"),
        (["export", "x.keras", "--integer-io"], "--integer-io changes none"),
        (["export", "x.keras", "--calibration", "here.json"], "--calibration changes none"),
        (["export", "x.keras", "--min-sqnr", "9"], "--min-sqnr changes none"),
        (["export", "x.keras", "--format", "tflite", "--nchw"], "--nchw changes none"),
        (["export", "x.keras", "--format", "tflite", "--opset", "15"], "--opset changes none"),
        (["export", "x.keras", "--format", "onnx", "--allow-flex"], "--allow-flex changes none"),
        (["export", "x.keras", "--keep", "a", "--no-fold"], "--keep changes none"),
        (["export", "x.keras", "--image-range", "0,1"], "--image-range changes none"),
        (["export", "x.keras", "--image-range", "wide"], "is not LOW,HIGH"),
        (["export", "x.keras", "--metadata", "author"], "'author' is not KEY=VALUE"),
        (["export", "x.keras", "--labels", "absent.txt"], "can't read labels in absent.txt"),
        (["export", "x.keras", "--name", "a/b"], "'a/b' is no name of a file"),
        (["export", "x.keras", "--inputs", "absent.npy"], "there is no file absent.npy"),
        (["verify", "empty"], "can't read empty/manifest.json"),
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
        (["doctor", "--loud"], "No such option"),
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


def test_wrong_use_is_told_before_any_step(tmp_path, capsys):
    assert run(["export", str(tmp_path / "absent.keras"), "--opset", "12"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_debug_shows_where(tmp_path, capsys, command):
    assert run([command, str(tmp_path / "absent.json"), "--debug"]) == 2
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "export/" in printed
    assert printed.splitlines()[-1].startswith("error: ")


def test_what_nobody_foresaw_is_one_line_too(capsys, monkeypatch):
    def fail():
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr("export.doctor.examine", fail)
    fails(capsys, ["doctor"], 3, "ZeroDivisionError: first second; see --debug for where")


def test_a_package_that_is_not_installed_is_told_with_what_brings_it(capsys, monkeypatch):
    def fail():
        raise ModuleNotFoundError("No module named 'keras'", name="keras")

    monkeypatch.setattr("export.doctor.examine", fail)
    fails(capsys, ["doctor"], 2, "keras is not installed, which this command needs; pip install")
