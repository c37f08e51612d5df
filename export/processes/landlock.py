"""Landlock, the part of Linux by which a process gives up files, ports and signals for good."""

import ctypes
import errno
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

READ = 1 << 2 | 1 << 3
"""Landlock's rights to read a file and to list a directory."""
EXECUTE = 1 << 0
WRITE = (1 << 13) - 1
"""Every right of Landlock's first version: to read, write, make, remove."""
REFER, TRUNCATE = 1 << 13, 1 << 14
FILE = EXECUTE | 1 << 1 | 1 << 2 | TRUNCATE
"""The rights that a file, not a directory, can have."""
SCOPES = 0b11
"""No signals to other processes, no abstract sockets of theirs."""

CREATE, ADD, RESTRICT = 444, 445, 446
NO_NEW_PRIVILEGES = 38


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def restrict(readable: Sequence[str], writable: Iterable[str]) -> None:
    """Leaves this thread, and those it starts, these files and directories, and no TCP.

    Raises:
        OSError: the system has no Landlock.
    """
    here = version()
    every = WRITE | (REFER if here > 1 else 0) | (TRUNCATE if here > 2 else 0)
    rules = _Ruleset(every, 0b11 if here > 3 else 0, SCOPES if here > 5 else 0)
    ruleset = _call(CREATE, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        for path in readable:
            _allow(ruleset, path, (EXECUTE | READ) & every)
        for path in (*writable, os.devnull):
            _allow(ruleset, path, every)
        ctypes.CDLL(None, use_errno=True).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        _call(RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = _Beneath(rights if Path(path).is_dir() else rights & FILE, descriptor)
            _call(ADD, ruleset, 1, ctypes.byref(rule), 0)
        finally:
            os.close(descriptor)


def version() -> int:
    """Of the system's Landlock.

    Raises:
        OSError: there is none.
    """
    return _call(CREATE, None, 0, 1)


def _call(number: int, *arguments: object) -> int:
    if not sys.platform.startswith("linux"):
        raise OSError(errno.ENOSYS, "no Landlock")
    result: int = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return result
