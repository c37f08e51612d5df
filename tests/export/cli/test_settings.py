from pathlib import Path

import pytest

from export.cli.main import run
from export.loading.source import HDF5
from export.options import Options
from tests.export.test_wrong_use import fails


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the command asks `export` for."""
    calls = []

    def remember(model, output, options, say):
        calls.append((model, output, options))
        raise SystemExit

    monkeypatch.setattr("export.pipeline.export", remember)
    monkeypatch.chdir(tmp_path)
    Path("nets").mkdir()
    for model in ("nets/own.keras", "m.keras"):
        Path(model).write_bytes(HDF5)
    return calls


def ask(text, *arguments, path="fleras.toml"):
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(text)
    with pytest.raises(SystemExit):
        run(arguments)


FILE = """
[export]
model = "nets/own.keras"
precision = ["float32", "float16"]
format = ["onnx"]
opset = 15
no-fold = true
[export.metadata]
author = "me"
"""


def test_the_file_of_the_current_folder_holds_defaults(asked, capsys):
    ask(FILE, "export", "--opset", "17")
    ((model, output, options),) = asked
    assert (model, output) == (Path("nets/own.keras"), Path("nets/own-export"))
    assert options == Options(
        formats=("onnx",),
        precisions=("float32", "float16"),
        name="own",
        opset=17,
        fold=False,
        metadata=(("author", "me"),),
    )
    assert "fleras.toml sets model, precision" in capsys.readouterr().err


def test_paths_are_relative_to_a_file_elsewhere(asked):
    arguments = ["--config", "settings/ours.toml", "export", "m.keras"]
    text = '[export]\ncalibration = "images"\nprecision = ["int8"]\nimage-range = [-1, 1]\n'
    Path("settings/images").mkdir(parents=True)
    ask(text, *arguments, path="settings/ours.toml")
    ((_, _, options),) = asked
    assert options.calibration == Path("settings/images")
    assert options.image_range == (-1.0, 1.0)


def test_other_commands_are_not_concerned(asked, capsys):
    Path("fleras.toml").write_text(FILE)
    assert run(["verify", "absent"]) == 2
    assert "sets" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[export", "is no TOML"),
        ("[exports]", "holds tables of commands alone"),
        ("opset = 15", "holds tables of commands alone"),
        ('[export]\nprecisoin = "int8"', "did you mean 'precision'?"),
        ('[export]\ncustom-objects = ["a:b"]', "what runs code stands on the command line"),
        ("[export]\ntrust = true", "what runs code stands on the command line"),
        ('[export]\nlambda = ["a=b:c"]', "what runs code stands on the command line"),
    ],
)
def test_what_can_not_be_meant_is_told(tmp_path, monkeypatch, capsys, text, reason):
    monkeypatch.chdir(tmp_path)
    Path("fleras.toml").write_text(text)
    fails(capsys, ["export", "x.keras"], 2, reason)


def test_an_absent_file_is_told(capsys):
    fails(capsys, ["--config", "absent.toml", "doctor"], 2, "can't read absent.toml")
