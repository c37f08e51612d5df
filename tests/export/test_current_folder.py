"""Files in the folder in which one works, or beside the model, are never run."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from export.base.errors import ConversionError
from export.base.start import PACKAGES
from export.processes.environment import search_path
from export.processes.worker_process import WorkerProcess
from tests.export import misbehavior
from tests.export.archives import save_net

CANARY = "import os; open(os.environ['CANARY'], 'a').write(__file__ + chr(10))\n"
ENTRY = "import sys\nfrom export.cli.main import main\nsys.exit(main())\n"


@pytest.fixture(scope="module")
def fleras(tmp_path_factory):
    """The console script, as pip writes it."""
    script = tmp_path_factory.mktemp("bin") / "fleras"
    script.write_text(ENTRY)
    return [sys.executable, str(script)]


def names():
    """Whatever can be imported at the top."""
    site = Path(sysconfig.get_paths()["purelib"])
    homes = [site, *(Path(entry) for entry in sys.path if entry.endswith("site-packages"))]
    packages = {
        path.name.partition(".")[0]
        for home in homes
        for path in home.iterdir()
        if path.suffix in (".py", ".so") or (path / "__init__.py").exists()
    }
    found = packages | set(sys.stdlib_module_names) | {"fleras", "fold", "tests", "sitecustomize"}
    return {name for name in found if name.isidentifier()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model among files named as the modules that its export imports."""
    folder = tmp_path_factory.mktemp("canaries")
    save_net(folder / "net.keras")
    for name in names() - {"export"}:
        (folder / f"{name}.py").write_text(CANARY)
    return folder


def imported_by_python(home):
    (home / "probe.py").write_text("import sys; print(*sys.modules)")
    done = subprocess.run(
        [sys.executable, "-m", "probe"], cwd=home, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def run(command, folder, tmp_path):
    seen = tmp_path / "seen"
    environment = os.environ | {"CANARY": str(seen), "PYTHONPATH": PACKAGES}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done, seen.read_text() if seen.exists() else ""


def test_there_is_a_file_for_every_module():
    assert {"json", "numpy", "pickle", "onnxruntime", "keras", "h5py", "typing"} <= names()


@pytest.mark.parametrize("program", ["fleras", "python -m export", "python -P -m export"])
def test_no_command_runs_them(program, fleras, folder, tmp_path):
    """What `python -m` imports itself, before the package, only `-P` keeps from the folder."""
    if program == "python -m export":
        spared = folder.parent / "spared"
        shutil.copytree(folder, spared)
        for name in imported_by_python(tmp_path):
            (spared / f"{name}.py").unlink(missing_ok=True)
        folder = spared
    out, options = tmp_path / "out", ["-P"] if "-P" in program else []
    program = fleras if program == "fleras" else [sys.executable, *options, "-m", "export"]
    for arguments in (
        ["inspect", "net.keras"],
        ["export", "net.keras", "-o", str(out), "--format", "onnx"],
        ["verify", str(out / "manifest.json")],
        ["benchmark", str(out / "model.onnx")],
    ):
        done, seen = run([*program, *arguments], folder, tmp_path)
        assert seen == "" and done.returncode == 0, done.stderr


def test_a_file_named_as_this_package_breaks_nothing(fleras, folder, tmp_path):
    (folder / "export.py").write_text(CANARY)
    try:
        done, seen = run([*fleras, "inspect", "net.keras"], folder, tmp_path)
    finally:
        (folder / "export.py").unlink()
    assert seen == "" and done.returncode == 0, done.stderr


def test_the_worker_of_a_script_looks_neither_beside_it_nor_here(tmp_path, monkeypatch):
    """The script's own process has its folder on the path by Python's rules."""
    home, here, other = tmp_path / "home", tmp_path / "here", tmp_path / "other"
    for folder in (home, here, other):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(home / "script.py"), raising=False)
    monkeypatch.setattr(sys, "path", [str(home), "", ".", "lib", str(here), str(other), *sys.path])
    found = search_path()
    assert str(other) in found and PACKAGES in found
    assert not {str(home), str(here), "", ".", "lib"} & set(found)


def test_a_folder_that_holds_this_package_stays(monkeypatch):
    monkeypatch.chdir(PACKAGES)
    assert PACKAGES in search_path()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != PACKAGES])
    assert search_path()[-1] == PACKAGES


def test_a_worker_that_can_not_start_says_so_and_nothing_about_the_model():
    worker = WorkerProcess(misbehavior.bad_value)
    with pytest.raises(ConversionError, match=r"did not start.*nothing to do with the model"):
        worker.call("loading", (print, {}), 1e12, 60)


LAYERS = """
import keras
{more}
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


@pytest.mark.parametrize("beside", ["model", "here"])
def test_modules_that_are_named_are_found_in_the_folder_and_beside_the_model(
    fleras, tmp_path, beside
):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir(), here.mkdir()
    at = {"model": home, "here": here}[beside]
    (at / "my_layers.py").write_text(LAYERS.format(more=""))
    make = "import keras, my_layers; keras.Sequential([keras.Input((3,)), my_layers.Twice()])"
    make += f".save({str(home / 'net.keras')!r})"
    environment = os.environ | {"PYTHONPATH": str(at)}
    subprocess.run([sys.executable, "-c", make], env=environment, check=True)
    (at / "json.py").write_text(CANARY)
    command = [*fleras, "inspect", str(home / "net.keras")]
    done, seen = run(command, here, tmp_path)
    assert done.returncode == 2 and "--custom-objects my_layers:Twice" in done.stderr
    done, seen = run([*command, "--custom-objects", "my_layers:Twice"], here, tmp_path)
    assert done.returncode == 0 and seen == "", done.stderr
    (at / "my_layers.py").write_text(LAYERS.format(more="import my_other"))
    (at / "my_other.py").write_text("")
    done, seen = run([*command, "--custom-objects", "my_layers:Twice"], here, tmp_path)
    assert done.returncode == 2 and "name the other modules" in done.stderr
