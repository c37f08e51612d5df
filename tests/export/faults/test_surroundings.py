"""Each lack of the machine ends in files that are whole, or in one line and the old files."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from export.publishing.manifest import read_manifest
from tests.export.faults.command import clean, finish, fleras, hidden, start

pytestmark = pytest.mark.faults

FILES = {
    *("model.onnx", "model.tflite", "folded.keras", "manifest.json", "reference.npz"),
    "report.html",
}
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
ISOLATED = subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


@pytest.fixture
def folder(source, tmp_path):
    """A model, a directory for temporary files, and nothing else."""
    shutil.copy(source, tmp_path / "net.keras")
    (tmp_path / "temporary").mkdir()
    return tmp_path


def check(folder, ended, old=False):
    """The whole set where it went well; otherwise nothing, or what was there; nothing besides."""
    out = folder / "out"
    if ended.code == 0:
        assert {path.name for path in out.iterdir()} == FILES
        read_manifest(out / "manifest.json")
    elif not old:
        assert not out.exists()
    assert not hidden(folder) and not hidden(folder / "temporary")
    return ended


def export(folder, before="", variables=(), **surroundings):
    variables = {"TMPDIR": str(folder / "temporary"), **dict(variables)}
    arguments = ("export", folder / "net.keras", "-o", folder / "out")
    return check(folder, fleras(*arguments, before=before, variables=variables, **surroundings))


@pytest.mark.skipif(not ISOLATED, reason="no file systems can be mounted here")
@pytest.mark.parametrize("size", ["8k", "24k", "40k", "56k"])
def test_no_space_for_the_files(folder, size):
    disk = folder / "disk"
    disk.mkdir()
    ended = finish(mounted(folder, f"mount -t tmpfs -o size={size} none {disk}", disk / "o"))
    clean(ended, (0, 2))
    if ended.code:
        assert "No space left on device" in ended.err and "layer" not in ended.err
    assert not hidden(folder / "temporary")


@pytest.mark.skipif(not ISOLATED, reason="no file systems can be mounted here")
@pytest.mark.parametrize("size", ["8k", "32k", "48k", "80k"])
def test_no_space_for_temporary_files(folder, size):
    mount = f"mount -t tmpfs -o size={size} none {folder / 'temporary'}"
    ended = finish(mounted(folder, mount, folder / "out"))
    clean(ended, (0, 2))
    if ended.code:
        assert "replace it by other layers" not in ended.err
    check(folder, ended)


@pytest.mark.skipif(not ISOLATED, reason="no file systems can be mounted here")
def test_a_read_only_file_system(folder):
    disk = folder / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs none {disk}; mount -o remount,ro {disk}"
    ended = clean(finish(mounted(folder, mount, disk / "out")), (2,))
    assert "Read-only file system" in ended.err and not hidden(folder / "temporary")


def mounted(folder, mount, out):
    """The export behind `mount`, in a namespace of its own."""
    return start(
        *("export", folder / "net.keras", "-o", out),
        within=(*NAMESPACE, "bash", "-c", f'{mount}; exec "$@"', "--"),
        variables={"TMPDIR": str(folder / "temporary")},
    )


@pytest.mark.parametrize("blocks", [2, 8, 24])
def test_a_limit_of_the_size_of_files(folder, blocks):
    ended = export(folder, f"ulimit -f {blocks}")
    assert ended.code in (0, 2) and "replace it" not in ended.err


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no other file system")
def test_temporary_files_on_another_file_system(folder):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        assert export(folder, variables={"TMPDIR": other}).code == 0
        assert not hidden(Path(other))


def test_no_home(folder):
    assert export(folder, unset=("HOME",)).code == 0


def test_a_home_that_is_none(folder):
    assert export(folder, variables={"HOME": "/nonexistent"}).code == 0


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root becomes another user")
def test_an_ordinary_user_who_may_not_write(folder):
    for path in (folder, *folder.parents):
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    (folder / "temporary").chmod(0o777)
    before = folder.stat().st_mode
    ended = export(folder, user=65534, group=65534)
    assert ended.code == 2 and folder.stat().st_mode == before


def test_the_locale_of_c(folder):
    (folder / "net.keras").rename(folder / "größe.keras")
    shutil.copy(folder / "größe.keras", folder / "net.keras")
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert export(folder, variables=variables).code == 0
    ended = fleras("inspect", folder / "größe.keras", variables=variables)
    assert ended.code in (0, 2)


@pytest.mark.parametrize("count", [16, 64])
def test_few_open_files(folder, count):
    assert export(folder, f"ulimit -n {count}").code in (0, 2)


@pytest.mark.parametrize("megabytes", [300, 1500, 4000])
def test_little_memory(folder, megabytes):
    export(folder, f"ulimit -v {megabytes << 10}")


def test_two_exports_at_once(folder):
    variables = {"TMPDIR": str(folder / "temporary")}
    arguments = ("export", folder / "net.keras", "-o", folder / "out", "--overwrite")
    both = [start(*arguments, variables=variables) for _ in range(2)]
    for process in both:
        assert clean(finish(process)).code == 0
    check(folder, clean(finish(start("verify", folder / "out", variables=variables))))
