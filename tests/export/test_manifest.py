import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from export.errors import InputError
from export.manifest import check_manifest, read_manifest
from export.options import Options
from export.pipeline import export
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
    path.write_text(json.dumps(content))
    return path


def test_untouched_files_pass_elsewhere(copy):
    results = check_manifest(copy)
    assert set(results) == {"model.onnx", "model.tflite"}
    assert all(results.values())


def test_without_tensorflow_and_keras(copy, tmp_path):
    """As on a machine that has the runtimes only: both packages refuse to be imported."""
    blocked = tmp_path / "blocked"
    for name in ("tensorflow", "keras", "tf2onnx"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('not installed here')")
    environment = os.environ | {"PYTHONPATH": f"{blocked}:{Path(__file__).parents[2]}"}
    arguments = [sys.executable, "-P", "-m", "export", "verify", str(copy)]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("equivalent") == 2


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
    from export.artifact import sha256

    change(copy, lambda content: content["files"]["model.onnx"].update(sha256=sha256(onnx)))
    results = check_manifest(copy)
    assert not results["model.onnx"]
    assert results["model.tflite"]
    assert tflite.exists()


@pytest.mark.parametrize("name", ["../evil.onnx", "/etc/passwd", "a/b.onnx"])
def test_a_manifest_that_names_files_elsewhere_is_refused(copy, name):
    change(copy, lambda content: content["files"].update({name: {"sha256": "0", "size": 0}}))
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
