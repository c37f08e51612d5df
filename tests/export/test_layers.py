"""The folders of `export` import downwards alone, and the packages export -> fold -> fleras."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = (
    {"cli"},
    {"demo", "doctor"},
    {"pipeline"},
    {"applicable"},
    {"publishing", "verify", "benchmark"},
    {"options"},
    {"report"},
    {"formats"},
    {"onnx_format", "tflite_format"},
    {"conversion"},
    {"verification", "tensorflow_graph"},
    {"loading"},
    {"keras_model"},
    {"keras_patches"},
    {"processes"},
    {"transaction"},
    {"base"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
NAMING = {
    "fleras/parts.py",
    "export/__init__.py",  # the public names, at their first use; test_init imports each
    "export/cli/main.py",  # the commands, at their first use; test_main calls each
    "export/loading/import_named.py",  # what users name
    "export/doctor.py",  # modules of others
}
PACKAGES = {"fleras": set(), "fold": {"fleras"}, "export": {"fleras", "fold"}}
SHARED = {"sample_models": PACKAGES.keys(), "benchmarks": PACKAGES.keys() | {"sample_models"}}
FOLDERS = PACKAGES | SHARED
"""What each folder may import; the tests import all of them, and none the tests."""


def imported(path: Path) -> Iterator[str]:
    """What a file imports, wherever in it, by full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if path.parent != ROOT)


def unit(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[1]


@pytest.mark.parametrize("package", FOLDERS)
def test_packages_import_one_way(package):
    foreign = FOLDERS.keys() - FOLDERS[package] - {package} | {"tests"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(package)
        for name in imported(path)
        if name.split(".")[0] in foreign
    ]
    assert not wrong


def test_every_file_of_export_has_a_layer():
    assert {unit(path) for path in files("export")} - {"__init__", "__main__"} == RANK.keys()


def test_the_folders_of_export_import_downwards():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files("export")
        if (own := unit(path)) in RANK
        for name in imported(path)
        if name.startswith("export.")
        and (other := name.split(".")[1]) != own
        and RANK[other] <= RANK[own]
    ]
    assert not wrong


def test_an_upward_import_would_be_found(tmp_path):
    file = tmp_path / "low.py"
    file.write_text("def late():\n    from export import pipeline\n    import export.cli.main\n")
    assert list(imported(file)) == ["export.pipeline", "export.cli.main"]


def test_no_other_file_names_a_module_by_a_string():
    every = [path for package in PACKAGES for path in files(package)]
    naming = {
        str(path.relative_to(ROOT)) for path in every if "importlib.import_module" in imported(path)
    }
    assert naming == NAMING
