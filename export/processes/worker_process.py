"""A process of its own in which functions are called, and the pipe to it."""

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from export.base.errors import (
    ConversionError,
    ExportError,
    InputError,
    NotEquivalent,
    OutOfMemory,
    OutOfTime,
)
from export.base.owned_directory import begin_scratch
from export.processes import worker
from export.processes.crash import crash_message
from export.processes.environment import environment
from export.processes.memory import resident
from export.processes.plain import read_plain

OWN: dict[str, type[ExportError]] = {
    kind.__name__: kind for kind in (ConversionError, InputError, NotEquivalent, OutOfMemory)
}


class Failed(ConversionError):
    """A call that raised in the child; `kind` is the name of the exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class WorkerProcess:
    """One process, which calls the functions it is sent one after the other.

    Args:
        first: what it calls at once.
        confinement: the arguments of `export.processes.confinement.confine`, but that it writes to
            its scratch directory alone; what such a process replies is read as plain data.

    Attributes:
        scratch: the directory for its temporary files, which goes with it.
    """

    def __init__(
        self,
        first: Callable[[], None] | None = None,
        confinement: dict[str, Any] | None = None,
    ) -> None:
        self._own = begin_scratch()
        self.scratch = str(self._own.files)
        try:
            self._log = tempfile.TemporaryFile()  # noqa: SIM115
            self._read = pickle.load if confinement is None else read_plain
            walls = None if confinement is None else {**confinement, "writable": [self.scratch]}
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", worker.__name__, json.dumps(walls)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment(self.scratch),
            )
        except BaseException:
            self._own.end()
            raise
        assert process.stdin and process.stdout
        self._process, self._requests, self._replies = process, process.stdin, process.stdout
        self._reader = ThreadPoolExecutor(1)
        self._started = False
        with suppress(BrokenPipeError):
            self._send(first)

    @property
    def alive(self) -> bool:
        """False once the process ended."""
        return self._process.poll() is None

    @property
    def held(self) -> int:
        """Bytes that it has in memory."""
        return resident(self._process.pid)

    def call(
        self,
        what: str,
        request: tuple[Callable[..., Any], dict[str, Any]],
        limit: float,
        seconds: float,
    ) -> Any:
        """Sends one request and waits for its reply.

        Raises:
            Failed: the function raised.
            OutOfMemory: the process took more than `limit` bytes and was ended.
            OutOfTime: it took more than `seconds` and was ended.
            ConversionError: it crashed, or did not start.
        """
        try:
            self._send(request)
            for _ in range(1 if self._started else 2):
                done, value = self._reply(what, limit, seconds)
                self._started = True
        except pickle.UnpicklingError as error:
            self.close()
            raise ConversionError(f"{what} gave no plain reply; do not open this file") from error
        except (BrokenPipeError, EOFError) as error:
            raise ConversionError(self._crash(what)) from error
        except KeyboardInterrupt:
            self.close()
            raise
        if not done:
            kind, message = value
            raise OWN[kind](message) if kind in OWN else Failed(kind, message)
        return value

    def kill(self) -> None:
        """Ends the process, whatever it does; a call that waits for it raises."""
        self._process.kill()

    def close(self) -> None:
        """Ends the process and the pipe to it."""
        self.kill()
        self._process.wait()
        self._requests.close()
        self._replies.close()
        self._reader.shutdown()
        self._log.close()
        self._own.end()

    def _send(self, request: object) -> None:
        """What can't be unpickled is to fail in the function's place, so it is sent as bytes."""
        pickle.dump(pickle.dumps(request, protocol=5), self._requests, protocol=5)
        self._requests.flush()

    def _reply(self, what: str, limit: float, seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        reply = self._reader.submit(self._read, self._replies)
        while not wait([reply], 0.05).done:
            if self.held > limit:
                self.close()
                raise OutOfMemory(
                    f"{what} needs more than {limit / 2**30:.1f} GiB of memory; "
                    "use a smaller model or input, or a machine with more"
                )
            if time.monotonic() > deadline:
                self.close()
                raise OutOfTime(
                    f"{what} did not end within {seconds:.0f} s and was stopped; "
                    "use a smaller model or input, or a faster machine"
                )
        return reply.result()

    def _crash(self, what: str) -> str:
        code = self._process.wait()
        self._log.seek(0)
        return crash_message(what, code, self._log.read().decode(errors="replace"), self._started)
