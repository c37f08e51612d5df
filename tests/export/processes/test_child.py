"""What goes wrong in the child process is an error in this one."""

import inspect
import subprocess
import tempfile

import pytest

from export.base.errors import ConversionError, InputError, OutOfMemory, OutOfTime
from export.processes import child
from export.processes.worker_process import Failed, WorkerProcess
from tests.export import misbehavior


def test_calls_return_what_the_function_returns():
    assert child.call("adding", misbehavior.fine) == 3


def test_an_exception_keeps_its_kind_and_message():
    with pytest.raises(Failed, match="invalid literal") as caught:
        child.call("reading", misbehavior.bad_value)
    assert caught.value.kind == "ValueError"
    with pytest.raises(InputError, match="own error"):
        child.call("reading", misbehavior.own_error)


def test_a_crash_is_an_error_and_the_next_call_works():
    with pytest.raises(ConversionError, match=r"crashing crashed \(SIGSEGV\)"):
        child.call("crashing", misbehavior.segfault)
    assert child.call("adding", misbehavior.fine) == 3


def test_taking_too_much_memory_is_an_error():
    with pytest.raises(OutOfMemory, match=r"hoarding needs more than 1\.5 GiB of memory"):
        child.call("hoarding", misbehavior.hoard, limit=1.5 * 2**30)


def test_what_it_holds_already_is_not_counted_against_a_call(monkeypatch):
    child.call("keeping", misbehavior.keep)
    monkeypatch.setattr(child, "usable", lambda: 2**28)
    assert child.call("dozing", misbehavior.doze) == "rested"
    child.stop()


def test_output_of_the_function_does_not_disturb():
    assert child.call("printing", misbehavior.chatty) == "done"


def test_taking_too_long_is_an_error_and_the_next_call_works():
    with pytest.raises(OutOfTime, match=r"sleeping did not end within 0 s and was stopped"):
        child.call("sleeping", misbehavior.nap, seconds=0.2)
    assert child.call("adding", misbehavior.fine) == 3


def test_no_call_is_without_a_limit_of_time():
    assert inspect.signature(child.call).parameters["seconds"].default <= 3600


def test_a_process_that_can_not_be_started_leaves_no_files(tmp_path, monkeypatch):
    def fail(*arguments, **settings):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", fail)
    with pytest.raises(OSError, match="Too many"):
        WorkerProcess()
    assert not list(tmp_path.iterdir())
