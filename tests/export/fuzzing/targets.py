"""What each checker is given by the fuzzer, and the law: it passes or refuses in one line."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from zipfile import ZIP_DEFLATED, ZipFile

from export.base.errors import ExportError
from export.loading.allowed import DATA, kinds_of
from export.loading.config import check_config
from export.loading.container import check_container
from export.loading.custom_objects import Custom
from export.loading.source import Kind, kind_of, read_json
from export.publishing import check_manifest
from export.publishing.digest import render
from export.publishing.manifest import read_manifest
from export.verification.comparison import Comparison

HOME = Path(".fuzzing")
VARIABLES = HOME / "variables"
PARTS = {"config.json", "metadata.json"}


@dataclass(frozen=True)
class Target:
    """One checker.

    Attributes:
        suffix: of the file that it reads.
        check: may raise an `ExportError` of one line, and nothing else.
    """

    suffix: str
    check: Callable[[Path], object]


def run(target: Target, path: Path) -> bool:
    """Whether the file passed."""
    try:
        target.check(path)
    except ExportError as error:
        line = str(error)
        assert line and "\n" not in line, line
        return False
    return True


def config(path: Path) -> None:
    """Whatever passes names nothing but what is in the list, wherever it stands."""
    found = read_json(path)
    check_config(found, path.name, Custom())
    waiting: list = [found]
    while waiting:
        node = waiting.pop()
        waiting += (
            node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        )
        if isinstance(node, dict) and "class_name" in node:
            _must_be_listed(node)


def archive(path: Path) -> None:
    """What passes can be read to its end and names nothing twice."""
    if kind_of(path) not in (Kind.KERAS, Kind.OLD):
        return
    with ZipFile(path) as content:
        assert content.testzip() is None
        assert set(content.namelist()) >= PARTS


def container(path: Path) -> None:
    """The archive alone."""
    check_container(path)


def sealed(path: Path) -> None:
    """A manifest with a right digest: what stands in it is looked at."""
    try:
        content = json.loads(path.read_bytes())
        text = render(content)
    except (ValueError, RecursionError, TypeError, AttributeError):
        return
    path.write_text(text, encoding="utf-8")
    check_manifest.replay = lambda *_, **__: Comparison()
    check_manifest.check_manifest(path)


def as_it_is(path: Path) -> None:
    """A manifest whose digest was not made anew."""
    read_manifest(path)


def hdf5(path: Path) -> None:
    """An `.h5` file by itself and as the weights in an archive."""
    from export.loading.legacy.h5 import read_h5

    read_h5(path)


def weights(path: Path) -> None:
    """The same bytes as a member of an archive."""
    from export.loading.stored_weights import check_weights

    home = path.with_suffix(".keras")
    with ZipFile(home, "w", ZIP_DEFLATED) as made:
        made.write(path, "model.weights.h5")
    check_weights(home)


def arrays(path: Path) -> None:
    """Examples of a user."""
    from export.base.arrays import read_arrays

    read_arrays(path)


def reference(path: Path) -> None:
    """The cases beside a manifest."""
    from export.verification.reference import Reference

    Reference.load(path)


def onnx(path: Path) -> None:
    """The rules of ONNX; whatever it raises, it does so in a child process."""
    from export.onnx_format.check import check

    with suppress(Exception):
        check(path)


def tflite(path: Path) -> None:
    """The operators and the ports of a flatbuffer; in a child process as well."""
    from export.tflite_format.check import check
    from export.tflite_format.flatbuffer import read_ports

    for look in (check, read_ports):
        with suppress(Exception):
            look(path)


def saved_model(path: Path) -> None:
    """The graph of objects in a SavedModel, beside honest variables."""
    from export.loading.legacy.saved_model import read_saved_model

    home = path.with_suffix(".folder")
    if not home.exists():
        copytree(VARIABLES, home / "variables")
    (home / "saved_model.pb").write_bytes(path.read_bytes())
    read_saved_model(home)


def _must_be_listed(node: dict) -> None:
    name, module = node["class_name"], node.get("module") or ""
    if name == "function":
        assert kinds_of(module, node["config"], True), node
    else:
        assert (name in DATA and not module) or kinds_of(module, name, False), node


TARGETS = {
    "config": Target(".json", config),
    "archive": Target(".keras", archive),
    "container": Target(".keras", container),
    "manifest": Target(".json", as_it_is),
    "sealed manifest": Target(".json", sealed),
    "h5": Target(".h5", hdf5),
    "weights": Target(".h5", weights),
    "npy": Target(".npy", arrays),
    "npz": Target(".npz", arrays),
    "reference": Target(".npz", reference),
    "onnx": Target(".onnx", onnx),
    "tflite": Target(".tflite", tflite),
    "saved model": Target(".pb", saved_model),
}
