"""The longer names are the same modules, under whatever name a user's own files go."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]

SAME = """
import fleras.export.pipeline, fleras.export, fleras.fold.affine
import export, export.pipeline, fold, fold.affine, export.base.errors
from fleras import export as part
from fleras.export import InputError, to_onnx, verify
from fleras.export.base.errors import InputError as deeper
from fleras.fold import fold_batch_norms
assert fleras.export is export is part and fleras.fold is fold
assert fleras.export.pipeline is export.pipeline and fleras.fold.affine is fold.affine
assert InputError is deeper is export.base.errors.InputError is export.InputError
assert verify is export.verify and fold_batch_norms is fold.fold_batch_norms
assert export.__spec__.name == export.__name__ == "export"
assert export.pipeline.__spec__.name == "export.pipeline"
import pickle
assert pickle.loads(pickle.dumps(InputError)) is InputError
import importlib.util
assert importlib.util.find_spec("fleras.exports") is None
assert importlib.util.find_spec("fleras.export.exports") is None
"""

SHADOWED = """
import fleras
from fleras.export import InputError
from fleras.fold import FoldError
import export.base.errors
assert InputError is export.base.errors.InputError
"""

TAKEN = """
import export
assert export.mine
try:
    import fleras.export
except ImportError as error:
    print(error)
"""


def run(code, folder=None):
    paths = [str(folder), str(HOME)] if folder else [str(HOME)]
    start = f"import sys; sys.path[:0] = {paths!r}\n"
    return subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "export.py").write_text("mine = True")
    (tmp_path / "fold.py").write_text("mine = True")
    return tmp_path


def test_both_names_are_one_module():
    done = run(SAME)
    assert done.returncode == 0, done.stderr


def test_a_file_of_the_user_is_not_in_the_way(folder):
    done = run(SHADOWED, folder)
    assert done.returncode == 0, done.stderr


def test_a_module_of_the_user_that_is_there_first_is_named(folder):
    done = run(TAKEN, folder)
    assert f"{folder / 'export.py'} is imported as 'export'" in done.stdout
    assert "import fleras.export first" in done.stdout
