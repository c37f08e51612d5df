"""The standard streams of a command: results arrive or are an error, messages never are one."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from export.base.errors import InputError


class OutputError(InputError):
    """Standard output is closed, or takes no more."""


@contextmanager
def standard_streams(native_noise: bool) -> Iterator[None]:
    """Replaces `sys.stdout` and `sys.stderr` while a command runs.

    A failure to write a result is an `OutputError`, told apart from one to write a file. A message
    that can't be written is dropped: nobody is left to be told.

    Args:
        native_noise: whether what C++ libraries write to standard error by themselves is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    _open_missing()
    before = sys.stdout, sys.stderr
    messages = os.dup(2)
    sys.stdout = _text(_Results(1, "w", closefd=False), by_line=os.isatty(1))
    sys.stderr = _text(_Messages(messages, "w"), by_line=True)
    if not native_noise:
        _point_at_nothing(2)
    try:
        yield
    finally:
        with suppress(OutputError):
            sys.stdout.close()
        os.dup2(messages, 2)
        sys.stderr.close()
        sys.stdout, sys.stderr = before


def check_surroundings() -> None:
    """Raises InputError, before any work is done, where nothing can come of it.

    Standard output is closed, or the current folder was removed.
    """
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise InputError("the current folder was removed; change to another one") from error
    with suppress(io.UnsupportedOperation):
        descriptor = sys.stdout.fileno()
        with _output_errors():
            os.write(descriptor, b"")


class _Results(io.FileIO):
    def write(self, data: Any) -> int:
        with _output_errors():
            count: int | None = super().write(data)
            if count is None:
                raise BlockingIOError(0, "it is full and does not wait")
            return count


class _Messages(io.FileIO):
    def write(self, data: Any) -> int:
        with suppress(OSError):
            return super().write(data) or 0
        return len(data)


@contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"can't write to standard output ({error.strerror}); send it elsewhere"
        ) from error


def _text(raw: io.FileIO, by_line: bool) -> IO[str]:
    """What the encoding lacks, and bytes of file names that are no text, are shown escaped."""
    encoding = getattr(sys.__stdout__, "encoding", None)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=by_line)


def _open_missing() -> None:
    """Takes descriptors that are closed, lest the next file that is opened be one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def _point_at_nothing(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
