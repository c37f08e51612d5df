"""Exit code 1 means "not equivalent": what happens to the standard streams is never that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from export.base.errors import EXIT_CODES
from export.cli.main import run

HOME = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "export")


def shell(redirection, *arguments):
    """The command line run by a shell that redirects the streams."""
    line = " ".join([*COMMAND, *arguments, redirection])
    script = f"set -o pipefail; {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=HOME)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["export", "--help"]])
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [
        (">&-", "Bad file descriptor"),
        (">/dev/full", "No space left on device"),
        ("| (exec <&-; sleep 0.5)", "Broken pipe"),
        (">/dev/null </dev/null >&-", "Bad file descriptor"),
    ],
)
def test_output_that_takes_nothing_is_one_line(redirection, reason, arguments):
    code, out, err = shell(redirection, *arguments)
    assert (code, out) == (2, "")
    assert err == f"error: can't write to standard output ({reason}); send it elsewhere\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- <&-"])
def test_messages_that_nobody_can_read_change_no_exit_code(redirection):
    code, out, _ = shell(redirection, "--help")
    assert code == 0 and out.startswith("Usage:")
    assert shell(redirection, "frobnicate") == (2, "", "")
    assert shell(redirection, "verify", "absent", "--json")[0] == 2


def test_with_no_stream_at_all():
    assert shell("<&- >&- 2>&-", "--help") == (2, "", "")


def test_a_failure_as_json_that_can_not_be_written_is_still_one_line():
    code, out, err = shell("| (exec <&-; sleep 0.5)", "verify", "absent", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: nothing to check absent against") and err.count("\n") == 1


def test_what_an_encoding_lacks_is_escaped():
    done = subprocess.run(
        [*COMMAND, "verify", os.fsdecode(b"caf\xc3\xa9-\xff")],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        cwd=HOME,
    )
    assert done.returncode == 2
    assert b"caf\\xe9-\\udcff" in done.stderr and done.stderr.count(b"\n") == 1


def test_native_noise_is_dropped_and_pythons_own_words_are_not():
    code = (
        "import os, sys\n"
        "from export.cli.output import standard_streams\n"
        "with standard_streams(native_noise=False):\n"
        "    os.write(2, b'noise'); print('words', file=sys.stderr); os.write(1, b'result ')\n"
        "os.write(2, b'after'); print(os.environ['KERAS_BACKEND'])\n"
    )
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert (done.stdout, done.stderr) == (b"result tensorflow\n", b"words\nafter")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MemoryError(), 2, "not enough memory"),
        (OSError(24, "Too many open files"), 2, "Too many open files"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_no_memory_and_no_system_are_not_1(error, code, text, capsys, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr("export.doctor.examine", fail)
    assert run(["doctor"]) == code
    printed = capsys.readouterr()
    assert text in printed.err and "\n" not in printed.err.strip()


def test_in_a_folder_that_was_removed(tmp_path):
    script = f"cd {tmp_path}; rmdir {tmp_path}; {' '.join(COMMAND)} verify out"
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr == "error: the current folder was removed; change to another one\n"


def test_a_package_that_is_not_there_is_one_line():
    code = "import sys; sys.modules['rich.box'] = None; from export.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOME)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: fleras can't start (") and done.stderr.count("\n") == 1


def test_the_exit_codes_are_in_the_help_and_in_the_readme(capsys):
    assert run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    readme = " ".join((HOME / "README.md").read_text(encoding="utf-8").split())
    for code, text in EXIT_CODES.items():
        assert f"{code} {text}" in shown
        assert f"{code} | {text}" in readme
