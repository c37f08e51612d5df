"""Whatever a stranger names, nothing that is shown makes a terminal or a browser do something."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
from rich.console import Console

from export.base.errors import ExportError
from export.base.visible import one_line, visible
from export.cli.main import run
from export.cli.terminal import Terminal
from export.pipeline import export
from export.verification.comparison import compare
from fold import fold_batch_norms
from sample_models.batch_norms import randomise
from tests.export import archives

EVIL = "\x1b[31m\x07[bold]\x9b1m\u202e[red]\r\x7f<b>&amp;"
MARKUP = "[bold]"


def harmless(text):
    """Every character has a look of its own, and markup is shown as it is."""
    wrong = {c for c in text if not c.isprintable() and c != "\n"}
    assert not wrong, (wrong, text)
    return text


@pytest.fixture(scope="module")
def model():
    x = keras.Input((6,), name=f"in{EVIL}")
    y = keras.layers.Dense(4, name=f"dense{EVIL}")(x)
    y = keras.layers.BatchNormalization(name=f"bn{EVIL}")(y)
    y = keras.layers.Softmax(name=f"soft{EVIL}")(y)
    y = keras.layers.BatchNormalization(name=f"out{EVIL}")(y)
    return randomise(keras.Model(x, y, name=f"net{EVIL}"))


@pytest.fixture(scope="module")
def home(model, tmp_path_factory):
    """A folder with the model, what becomes of it, and files of hostile content."""
    home = tmp_path_factory.mktemp("home") / f"home{EVIL}"
    home.mkdir()
    model.save(home / f"net{EVIL}.keras")
    export(home / f"net{EVIL}.keras", home / f"out{EVIL}")
    contents = archives.members(home / f"net{EVIL}.keras")
    archives.write(home / "member.keras", {**contents, f"/..{EVIL}": b"x"})
    archives.write(home / "metadata.keras", {**contents, "metadata.json": json.dumps({EVIL: EVIL})})

    def rename(config):
        config["config"]["layers"][1]["class_name"] = f"Class{EVIL}"
        config["config"]["layers"][1]["module"] = f"module{EVIL}"

    archives.with_config(home / f"net{EVIL}.keras", home / "class.keras", rename)
    with zipfile.ZipFile(home / "only.keras", "w") as archive:
        archive.writestr(f"only{EVIL}", b"x")
    for name in (f"no{EVIL}.onnx", f"no{EVIL}.tflite", f"no{EVIL}.json", f"no{EVIL}.npy"):
        (home / name).write_bytes(EVIL.encode() * 9)
    np.savez(home / "inputs.npz", **{f"x{EVIL}": np.zeros((1, 6)), "y": np.zeros((1, 6))})
    return home


OUT, NET = f"out{EVIL}", f"net{EVIL}.keras"
SHOWN = [
    ["inspect", NET],
    ["inspect", NET, "--keep", "bn*"],
    ["inspect", NET, "--json"],
    ["verify", OUT, "--verbose"],
    ["verify", NET, f"{OUT}/model.onnx", "--rtol", "0", "--atol", "1e-30", "--verbose"],
    ["verify", NET, f"{OUT}/model.onnx", "--json"],
    ["benchmark", OUT, "--seconds", "0.01"],
    ["convert", NET, f"new{EVIL}.keras", "--overwrite"],
    ["export", NET, "-o", f"other{EVIL}", "--overwrite", "--verbose"],
]
REFUSED = [
    [f"frob{EVIL}"],
    ["export", f"--frob{EVIL}", NET],
    ["export", NET, "--format", EVIL],
    ["export", NET, "--batch", EVIL],
    ["export", NET, "-o", OUT],
    ["export", NET, "--keep", f"other{EVIL}", "-o", "x"],
    ["export", NET, "--inputs", "inputs.npz", "-o", "x"],
    ["export", NET, "--inputs", f"no{EVIL}.npy", "-o", "x"],
    ["export", NET, "--custom-objects", EVIL, "-o", "x"],
    ["export", NET, "--custom-objects", "os:frob", "-o", "x"],
    ["export", NET, "--lambda", f"{EVIL}=a", "-o", "x"],
    ["export", NET, "-o", f"{NET}/x"],
    *(["inspect", f"{name}.keras"] for name in (f"absent{EVIL}", "member", "class", "only")),
    ["inspect", "metadata.keras", "--keep", EVIL],
    ["inspect", "class.keras", "--debug"],
    ["inspect", "class.keras", "--json"],
    *(["inspect", f"no{EVIL}.{suffix}"] for suffix in ("onnx", "tflite", "json", "npy")),
    ["verify", f"no{EVIL}.json"],
    ["verify", OUT, "--expect", EVIL],
    ["verify", NET, f"no{EVIL}.onnx"],
    ["verify", NET, f"no{EVIL}.tflite"],
    ["verify", NET, f"absent{EVIL}.onnx"],
    ["benchmark", f"no{EVIL}.onnx"],
    ["benchmark", f"absent{EVIL}"],
    ["convert", NET, f"new{EVIL}"],
    ["convert", NET, NET],
    ["demo", EVIL],
]


def ident(arguments):
    return visible(" ".join(arguments).replace(EVIL, "*"))


@pytest.mark.parametrize("arguments", SHOWN, ids=ident)
def test_what_commands_show(home, arguments, capfd, monkeypatch):
    monkeypatch.chdir(home)
    assert run(arguments) in (0, 1)
    out, err = capfd.readouterr()
    harmless(out), harmless(err)
    assert MARKUP in out


@pytest.mark.parametrize("arguments", REFUSED, ids=ident)
def test_what_errors_show(home, arguments, capfd, monkeypatch):
    monkeypatch.chdir(home)
    assert run(arguments) in (1, 2, 3)
    out, err = capfd.readouterr()
    harmless(out), harmless(err)


def test_the_page_and_the_manifest(home):
    page = harmless((home / OUT / "report.html").read_text(encoding="utf-8"))
    assert MARKUP in page and "<b>" not in page
    harmless((home / OUT / "manifest.json").read_text(encoding="utf-8"))


def test_what_python_prints(model, capfd):
    result = fold_batch_norms(model)
    shown = harmless(str(result.report))
    assert visible(f"bn{EVIL}")[:20] in shown.replace("\n", "")
    Console(width=500, color_system=None).print(result.report)
    assert MARKUP in harmless(capfd.readouterr().out)
    truth = {EVIL: np.zeros((2, 3))}
    assert MARKUP in harmless(str(compare(truth, {EVIL: np.ones((2, 3))})))
    assert MARKUP in harmless(str(ExportError(EVIL)))
    assert str(ExportError("a\n  b\tc")) == "a b c"


def test_the_spinner():
    terminal = Terminal()
    terminal.err = Console(file=io.StringIO(), force_terminal=True, color_system=None)
    with terminal.steps() as announce:
        announce(f"Loading {EVIL}")
    shown = terminal.err.file.getvalue()
    assert MARKUP in shown and "\x07" not in shown and "\x1b[31m" not in shown


def test_what_can_be_shown_stays():
    text = "Größe 日本 [red] \\x1b 🙂"
    assert visible(text) == one_line(text) == text
    assert visible("\x1b\ud800\u2028") == "\\x1b\\ud800\\u2028"
    assert visible(visible(EVIL)) == visible(EVIL)
