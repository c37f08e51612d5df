"""No command looks up a name, opens a connection or leaves files of its own."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.export.archives import save_net

CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
FLERAS = [sys.executable, "-m", "export"]
NETWORK = re.compile(r"(connect|sendto|sendmsg|sendmmsg)\(.*(AF_INET|nscd)")


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """All commands in one go, with a home and a place for temporary files of their own."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    root = tmp_path_factory.mktemp("traced")
    home, temporary, out = root / "home", root / "temporary", root / "out"
    home.mkdir(), temporary.mkdir()
    save_net(root / "net.keras")
    environment = os.environ | {
        "HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / ".cache"),
        "KERAS_HOME": str(root / "keras"), "MPLCONFIGDIR": str(root / "fonts"),
    }  # fmt: skip
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    commands = [
        ["export", str(root / "net.keras"), "-o", str(out), "--precision", "float32"],
        ["verify", str(out / "manifest.json")],
        ["benchmark", str(out / "model.onnx")],
        ["doctor"],
    ]
    log = root / "log"
    for arguments in commands:
        subprocess.run(
            ["strace", "-f", "-qq", "-A", "-e", CALLS, "-o", str(log), *FLERAS, *arguments],
            env=environment, check=True, capture_output=True,
        )  # fmt: skip
    return root


def test_no_name_is_looked_up_and_nothing_is_connected(traced):
    lines = (traced / "log").read_text().splitlines()
    assert not [line for line in lines if NETWORK.search(line)]


def test_nothing_is_left_in_the_home_or_among_temporary_files(traced):
    for folder in ("home", "temporary"):
        assert not list((traced / folder).rglob("*"))


def test_a_runtime_that_is_not_told_leaves_a_trace(tmp_path):
    """The witness sees what it is there for, with the version of the runtime that is installed."""
    code = "import onnxruntime; onnxruntime.InferenceSession(open(0, 'rb').read())"
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home), "TMPDIR": str(home)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=environment, input=b"", capture_output=True)
    if not list(home.rglob("*")):
        pytest.skip("this runtime sends nothing by itself")


def test_the_api_is_told_as_well(tmp_path, monkeypatch):
    """For a runtime that was imported before this package."""
    import onnxruntime

    from export.onnx_format.runtime import OnnxRuntime

    calls = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: calls.append(True))
    with pytest.raises(RuntimeError):
        (tmp_path / "empty.onnx").write_bytes(b"no model")
        OnnxRuntime(tmp_path / "empty.onnx")
    assert calls
