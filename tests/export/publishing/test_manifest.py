import json
import os
import subprocess
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from export.base.errors import InputError, NotEquivalent
from export.base.owned_directory import MARK
from export.loading.source import HDF5
from export.options import Options
from export.pipeline import export
from export.publishing.check_manifest import check_manifest
from export.publishing.digest import render
from export.publishing.manifest import read_manifest
from export.transaction.publish import COMPLETE
from tests.export.archives import save_net


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    home = tmp_path_factory.mktemp("exported")
    save_net(home / "net.keras")
    export(home / "net.keras", home / "out", Options())
    return home / "out"


@pytest.fixture
def copy(exported, tmp_path):
    for path in exported.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / "manifest.json"


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(render(content))
    return path


def test_untouched_files_pass_elsewhere(copy):
    results = check_manifest(copy)
    assert set(results) == {"model.onnx", "model.tflite"}
    assert all(results.values())


RUNTIMES_ONLY = (
    "ai_edge_litert", "click", "filelock", "flatbuffers", "markdown_it", "mdurl", "msgspec",
    "numpy", "numpy.libs", "onnxruntime", "packaging", "pygments", "rich",
)  # fmt: skip


def test_the_base_installation_is_the_runtimes_and_nothing_else():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    names = {Requirement(line).name.replace("-", "_") for line in project["dependencies"]}
    assert names <= set(RUNTIMES_ONLY)
    (tensorflow,) = [
        line for line in project["optional-dependencies"]["export"] if "tensor" in line
    ]
    assert Requirement(tensorflow).name == "tensorflow"


def test_with_the_runtimes_and_nothing_else(copy, tmp_path_factory):
    """In a fresh virtual environment that has neither TensorFlow nor Keras nor a converter."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/*/site-packages")
    for name in RUNTIMES_ONLY:
        found = Path(np.__file__).parents[1] / name
        if found.exists():
            (packages / name).symlink_to(found)
    (packages / "fleras.pth").write_text(str(Path(__file__).parents[3]))

    def python(*arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        command = [home / "bin" / "python", *arguments]
        return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True)

    for absent in ("tensorflow", "keras", "tf2onnx", "onnx", "h5py"):
        assert "ModuleNotFoundError" in python("-c", f"import {absent}").stderr
    done = python("-m", "export", "verify", str(copy))
    assert done.returncode == 0 and "error" not in done.stderr
    assert done.stdout.count("equivalent  model.") == 2
    (copy.parent / "model.onnx").write_bytes(b"other")
    assert python("-m", "export", "verify", str(copy)).returncode == 1
    (home / "net.h5").write_bytes(HDF5)
    done = python("-m", "export", "inspect", "net.h5")
    assert done.returncode == 2 and "pip install 'fleras[export]'" in done.stderr


def test_the_bounds_are_those_of_the_export_unless_others_are_given(copy):
    """A file that passed under a wide tolerance passes again, and fails under a narrow one."""

    def widen(content):
        for artifact in content["artifacts"]:
            artifact["verification"]["tolerances"] |= {"rtol": 0.5, "noise": 0.0}

    results = check_manifest(change(copy, widen))
    assert all(comparison.tolerances.rtol == 0.5 for comparison in results.values())
    assert all(results.values())
    assert not any(check_manifest(copy, rtol=0.0, atol=1e-12).values())


def test_verification_changes_nothing_on_the_disk(copy):
    home = copy.parent
    complete = home.parent / f".{home.name}.{MARK}{'0' * 16}" / COMPLETE
    complete.mkdir(parents=True)
    (home / "model.tflite").rename(complete / "model.tflite")
    assert "is missing" in str(check_manifest(copy)["model.tflite"])
    assert [path.name for path in complete.iterdir()] == ["model.tflite"]


def test_a_verification_leaves_every_file_and_folder_as_it_was(copy):
    def listing():
        paths = [copy.parent, *copy.parent.rglob("*")]
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}

    before = listing()
    copy.parent.chmod(0o555)
    try:
        assert all(check_manifest(copy).values())
    finally:
        copy.parent.chmod(0o755)
    assert listing() == before


def test_sizes_and_names_beyond_everything_are_told_without_reading(copy):
    long = "x" * 5000
    entry = {"sha256": "0" * 64, "size": 1}

    def overstate(content):
        content["files"]["model.onnx"]["size"] = 1 << 50
        content["files"][long] = entry

    results = check_manifest(change(copy, overstate))
    assert "another size than the 1125899906842624" in str(results["model.onnx"])
    assert "can't be read (File name too long)" in str(results[long])
    assert results["model.tflite"]


def test_every_changed_byte_of_the_manifest_shows(copy):
    content = copy.read_bytes()
    for at in range(0, len(content), max(len(content) // 300, 1)):
        copy.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(InputError):
            read_manifest(copy)


def test_a_digest_that_is_known_pins_the_manifest(copy):
    digest = json.loads(copy.read_text())["digest"]
    assert all(check_manifest(copy, expect=digest.upper()).values())
    change(copy, lambda content: content["warnings"].append("another"))
    with pytest.raises(NotEquivalent, match="not the expected one"):
        check_manifest(copy, expect=digest)


def test_a_manifest_without_artefacts_verifies_nothing(copy):
    with pytest.raises(InputError, match="no artefact"):
        check_manifest(change(copy, lambda content: content.update(artifacts=[])))


@pytest.mark.parametrize("value", [None, "x", [], {}])
def test_bounds_that_are_none(copy, value):
    def spoil(content):
        content["artifacts"][0]["verification"]["tolerances"]["rtol"] = value

    with pytest.raises(
        InputError, match=r"is damaged: .* at `\$\.artifacts\[0\]\.verification\.tolerances\.rtol`"
    ):
        check_manifest(change(copy, spoil))


def test_looser_bounds_than_the_defaults_are_told(copy):
    def widen(content):
        content["artifacts"][0]["verification"]["tolerances"]["atol"] = 1e30

    results = check_manifest(change(copy, widen))
    assert "looser atol" in " ".join(results["model.onnx"].warnings)
    assert not results["model.tflite"].warnings


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite", "folded.keras", "reference.npz"])
def test_a_changed_file_fails_and_is_not_run(copy, name):
    content = bytearray((copy.parent / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy.parent / name).write_bytes(content)
    result = check_manifest(copy)[name]
    assert not result
    assert "SHA-256 differs" in str(result)


def test_a_missing_file_and_a_link_fail(copy):
    (copy.parent / "model.onnx").unlink()
    (copy.parent / "report.html").unlink()
    (copy.parent / "report.html").symlink_to("/etc/hostname")
    results = check_manifest(copy)
    assert "is missing" in str(results["model.onnx"])
    assert "is missing" in str(results["report.html"])
    assert results["model.tflite"]


def test_another_file_under_the_same_hash_is_caught_by_its_numbers(copy):
    """A manifest edited to fit a wrong file still has the reference to answer to."""
    onnx, tflite = copy.parent / "model.onnx", copy.parent / "model.tflite"
    noise = bytearray(onnx.read_bytes())
    kernel = noise.rindex(b"conv") + 40
    noise[kernel + 3 :: 64] = bytes(len(noise[kernel + 3 :: 64]))
    onnx.write_bytes(noise)
    from export.base.files import sha256

    change(copy, lambda content: content["files"]["model.onnx"].update(sha256=sha256(onnx)))
    results = check_manifest(copy)
    assert not results["model.onnx"]
    assert results["model.tflite"]
    assert tflite.exists()


@pytest.mark.parametrize("name", ["../evil.onnx", "/etc/passwd", "a/b.onnx"])
def test_a_manifest_that_names_files_elsewhere_is_refused(copy, name):
    change(copy, lambda content: content["files"].update({name: {"sha256": "0" * 64, "size": 0}}))
    with pytest.raises(InputError, match="not its own"):
        read_manifest(copy)


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.pop("files"),
        lambda content: content.update(files=[]),
        lambda content: content.update(artifacts=[{}]),
        lambda content: content["artifacts"][0].update(path="other.onnx"),
        lambda content: content["artifacts"][0].update(precision=3),
        lambda content: content["artifacts"][0].update(precision="float8"),
        lambda content: content["artifacts"][0]["verification"]["tolerances"].update(rtol=-1.0),
        lambda content: content["artifacts"][0].update(inputs=[{"name": "x"}]),
        lambda content: content["names"]["inputs"].update(x=3),
        lambda content: content["files"]["model.onnx"].update(sha256="A" * 64),
        lambda content: content["files"]["model.onnx"].update(size=-1),
        lambda content: content["source"].update(weights="w.h5"),
        lambda content: content["reference"].update(file="other.npz"),
        lambda content: content.update(more=1),
        lambda content: content["artifacts"][0].pop("verification"),
        lambda content: content["artifacts"][0]["verification"].update(tolerances={"rtol": "x"}),
        lambda content: content["artifacts"][0]["verification"].update(tolerances={"x": 1}),
        lambda content: content["files"]["model.onnx"].pop("sha256"),
        lambda content: content.update(schema="something else"),
    ],
)
def test_a_damaged_manifest_is_one_line(copy, edit):
    with pytest.raises(InputError) as caught:
        read_manifest(change(copy, edit))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", "[" * 100_000])
def test_what_is_no_manifest_is_one_line(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="can't read"):
        read_manifest(tmp_path / "absent.json")
