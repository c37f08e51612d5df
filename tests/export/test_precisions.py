"""Every precision: its own file, its own verification, and the same bytes wherever it is made."""

import getpass
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from export.options import Options
from export.pipeline import export
from tests.export.archives import save_net

PRECISIONS = ("float32", "float16", "dynamic_int8", "int8")


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    path = tmp_path_factory.mktemp("calibration") / "data.npy"
    np.save(path, np.random.default_rng(0).normal(size=(50, 8, 8, 2)))
    return path


@pytest.fixture(scope="module")
def precise(source, calibration, tmp_path_factory):
    directory = tmp_path_factory.mktemp("precise") / "out"
    return directory, export(
        source, directory, Options(precisions=PRECISIONS, calibration=calibration)
    )


@pytest.fixture(scope="module")
def elsewhere(source, calibration, tmp_path_factory):
    """The same export by a process that has as little as possible in common with this one."""
    home = tmp_path_factory.mktemp("SecretPlace")
    copied = shutil.copy(source, home)
    private = dict.fromkeys(("HOME", "TMPDIR"), str(home))
    private |= dict.fromkeys(("USER", "LOGNAME"), "SecretUser")
    variables = {"PYTHONHASHSEED": "7", "TZ": "UTC+7", "LC_ALL": "C"}
    asked = [word for name in PRECISIONS for word in ("--precision", name)]
    arguments = [sys.executable, "-m", "export", "export", copied, "-o", str(home / "out"), *asked]
    done = subprocess.run(
        [*arguments, "--calibration", str(calibration)],
        env=os.environ | private | variables | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("nothing in it is an integer")) == (0, 1)
    assert sum(line.startswith("equivalent") for line in done.stdout.splitlines()) == 8
    return home / "out"


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_each_precision_is_a_file_with_its_own_verification(precise):
    exported = precise[1]
    assert len(exported.artifacts) == 8
    for artifact, comparison in exported.artifacts:
        infix = "" if artifact.precision == "float32" else f".{artifact.precision}"
        assert artifact.path.name == f"model{infix}.{artifact.format}"
        assert comparison.outputs["scores"].excess <= 1
        if artifact.precision == "int8":
            assert comparison.tolerances.min_sqnr
            assert comparison.outputs["scores"].sqnr > 20
    sizes = {artifact.path.name: artifact.size for artifact, _ in exported.artifacts}
    assert sizes["model.int8.tflite"] < sizes["model.tflite"]


def test_one_process_gives_the_same_bytes_again(precise, source, calibration, tmp_path):
    for _ in range(12):
        save_net(tmp_path / "other.keras")
    options = Options(precisions=PRECISIONS, calibration=calibration)
    export(source, tmp_path / "again", options)
    assert contents(tmp_path / "again") == contents(precise[0])


def test_two_processes_give_the_same_bytes_in_every_precision(precise, elsewhere):
    assert len(contents(elsewhere)) == 12
    assert contents(elsewhere) == contents(precise[0])


def unpacked(files):
    """The bytes of each file, and of each member of those that are archives."""
    for name, content in files.items():
        yield name, content
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.infolist():
                    assert member.date_time == (1980, 1, 1, 0, 0, 0)
                    yield f"{name}/{member.filename}", archive.read(member)


def test_no_path_no_user_no_machine_and_no_time_is_in_any_file(elsewhere):
    private = ["secret", "/home/", "/root", "/tmp", "/work", "/users/", "site-packages", ".py:"]
    private += [str(Path(__file__).parents[2]), str(Path.home())]
    private += [name for name in (socket.gethostname(), getpass.getuser()) if len(name) > 5]
    private += [time.strftime("%Y-%m"), time.strftime("%Y/%m"), time.strftime("%b %d")]
    for name, content in unpacked(contents(elsewhere)):
        for word in private:
            assert word.lower().encode() not in content.lower(), (name, word)
