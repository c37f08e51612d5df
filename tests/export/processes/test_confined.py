"""A confined process does its work and can do no harm."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from export.base.errors import ConversionError
from export.processes.confined import call_confined
from export.processes.confinement import missing

LIMIT = float(1 << 31)

pytestmark = pytest.mark.skipif(bool(missing()), reason="this system has not all of the walls")


def attempt(scratch, kind, path="", port=0):
    """Called in the confined process; what it may not do ends in an error."""
    match kind:
        case "read":
            return Path(path).read_text()
        case "write":
            return Path(path).write_text("x")
        case "remove":
            return Path(path).unlink()
        case "rename":
            return Path(path).rename(f"{path}.other")
        case "link":
            Path(scratch, "link").symlink_to(path)
            return Path(scratch, "link").read_text()
        case "connect":
            return socket.create_connection(("127.0.0.1", port), 2)
        case "look up":
            return socket.getaddrinfo("example.invalid", 80)
        case "program":
            return subprocess.run(["/bin/true"], check=True)
        case "kill":
            return os.kill(os.getppid(), 9)
        case "large":
            with open(Path(scratch, "large"), "wb") as file:
                return file.truncate(1 << 40)
        case "work":
            Path(scratch, "own").write_text("x")
            return Path(scratch, "own").read_text() + sys.executable[:0]


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def reply(scratch):
    return Evil()


def call(kind, **arguments):
    return call_confined("trying", attempt, LIMIT, 60, kind=kind, **arguments)


def test_it_works_in_its_scratch_directory():
    assert call("work") == "x"


@pytest.mark.parametrize("kind", ["read", "write", "remove", "rename", "link"])
def test_it_reaches_no_file_of_the_user(kind, tmp_path):
    path = tmp_path / "canary"
    path.write_text("canary")
    with pytest.raises(ConversionError, match=r"denied|cross-device"):
        call(kind, path=str(path))
    assert path.read_text() == "canary" and list(tmp_path.iterdir()) == [path]


def test_it_reads_what_it_is_given(tmp_path):
    path = tmp_path / "given"
    path.write_text("given")
    assert call("read", path=str(path), readable=(str(path),)) == "given"
    with pytest.raises(ConversionError, match="denied"):
        call("write", path=str(path), readable=(str(path),))


def test_it_has_no_network():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        with pytest.raises(ConversionError, match="denied"):
            call("connect", port=listener.getsockname()[1])
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("kind", ["look up", "program", "kill", "large"])
def test_it_looks_up_starts_ends_and_fills_nothing(kind):
    with pytest.raises(ConversionError):
        call(kind)


def test_what_it_replies_is_data():
    with pytest.raises(ConversionError, match="no plain reply"):
        call_confined("replying", reply, LIMIT, 60)
