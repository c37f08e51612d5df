"""Signals end a command as Ctrl-C does."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HOME = Path(__file__).parents[3]
SLOW = """
import sys, time
import export.doctor
from export.__main__ import main

def examine():
    print("at work", file=sys.stderr, flush=True)
    try:
        time.sleep(60)
        yield
    finally:
        print("cleaned up", file=sys.stderr)

export.doctor.examine = examine
sys.argv = ["fleras", "doctor"]
main()
"""

AS_AT_A_TERMINAL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""


def run_until_ready(number, code=AS_AT_A_TERMINAL + SLOW, again=False):
    arguments = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, cwd=HOME, **pipes) as process:
        for line in process.stderr:
            if "at work" in line:
                break
        time.sleep(0.5)
        process.send_signal(number)
        if again:
            time.sleep(0.5)
            process.send_signal(number)
        _, err = process.communicate()
        return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_and_is_told(number):
    code, err = run_until_ready(number)
    assert code == 128 + number
    assert "cleaned up" in err and "Traceback" not in err
    assert err.splitlines()[-1] == "error: interrupted; no file is half written"


def test_a_second_one_ends_at_once():
    stubborn = SLOW.replace('print("cleaned up", file=sys.stderr)', "time.sleep(60)")
    code, err = run_until_ready(signal.SIGTERM, stubborn, again=True)
    assert code == -signal.SIGTERM and "error:" not in err


def test_what_is_ignored_stays_ignored():
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + SLOW
    code, _ = run_until_ready(signal.SIGHUP, ignoring.replace("sleep(60)", "sleep(1); return"))
    assert code in (0, 2)
