"""Calls a function in a child process, so that a crash or a lack of memory becomes an error.

Converters and runtimes are native code that can end the process they run in. One child serves all
calls, because starting TensorFlow takes seconds; it is replaced after it died.
"""

import atexit
import json
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeVar

from export.base.error_text import sentence
from export.base.errors import (
    ConversionError,
    ExportError,
    InputError,
    NotEquivalent,
    OutOfMemory,
    OutOfTime,
)
from export.base.start import PACKAGES, without_current_folder
from export.processes.memory import available, resident
from export.processes.plain import read_plain

PRELOAD = (
    "export.processes.tensorflow_alone",
    "export.onnx_format.from_tensorflow",
    "export.tflite_format.from_tensorflow",
)
SECONDS = 3600.0
REASON = re.compile("abort|check|error|exception|fail|terminate", re.IGNORECASE)

Reply = TypeVar("Reply")
OWN: dict[str, type[ExportError]] = {
    kind.__name__: kind for kind in (ConversionError, InputError, NotEquivalent)
}


class Failed(ConversionError):
    """A call that raised in the child; `kind` is the name of the exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Child:
    """One process and the pipe to it.

    Args:
        preload: modules that it imports at once.
        confinement: the arguments of `export.processes.confinement.confine`; what such a process
            replies is read as plain data.
        environment: variables of its own.
    """

    def __init__(
        self,
        preload: tuple[str, ...] = (),
        confinement: dict[str, Any] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._read = pickle.load if confinement is None else read_plain
        settings = {"preload": preload, "confinement": confinement}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "export.processes.worker", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(search_path()),
                "CUDA_VISIBLE_DEVICES": "-1",
                "PYTHONHASHSEED": "0",
                **environment,
            },
        )
        assert process.stdin and process.stdout
        self._process, self._requests, self._replies = process, process.stdin, process.stdout
        self._started = False

    @property
    def alive(self) -> bool:
        """False once the process ended."""
        return self._process.poll() is None

    @property
    def held(self) -> int:
        """Bytes that it has in memory."""
        return resident(self._process.pid)

    def call(
        self, what: str, request: tuple[Callable[..., Any], dict], limit: float, seconds: float
    ) -> Any:
        """Sends one request and waits for its reply.

        Raises:
            Failed: the function raised.
            OutOfMemory: the process took more than `limit` bytes and was ended.
            OutOfTime: it took more than `seconds` and was ended.
            ConversionError: it crashed, or did not start.
        """
        try:
            pickle.dump(pickle.dumps(request, protocol=5), self._requests, protocol=5)
            self._requests.flush()
            for _ in range(1 if self._started else 2):
                self._watch(what, limit, seconds)
                done, value = self._read(self._replies)
                self._started = True
        except pickle.UnpicklingError as error:
            self.close()
            raise ConversionError(f"{what} gave no plain reply; do not open this file") from error
        except (BrokenPipeError, EOFError) as error:
            raise ConversionError(self._obituary(what)) from error
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
        self._log.close()

    def _watch(self, what: str, limit: float, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not select.select([self._replies], [], [], 0.05)[0]:
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

    def _obituary(self, what: str) -> str:
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        reasons = [line for line in lines if REASON.search(line)]
        last = f": {sentence(reasons[-1])}" if reasons else ""
        if not self._started:
            return (
                f"the worker process did not start ({how}){last}; "
                "this has nothing to do with the model, see fleras doctor"
            )
        return (
            f"{what} crashed ({how}){last}; simplify the model or use another precision or format"
        )


def search_path() -> list[str]:
    """Where a worker looks for modules: neither in the current folder nor beside a script."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    beside = os.path.dirname(os.path.abspath(script)) if script else None
    found = [entry for entry in without_current_folder(sys.path) if entry != beside]
    return found if PACKAGES in found else [*found, PACKAGES]


_child: Child | None = None
_lock = threading.Lock()


def start() -> None:
    """Starts the child, if there is none, with the converters in it; returns at once.

    A child that was not started so loads what a call needs: verification needs no TensorFlow.
    """
    with _lock:
        _living(PRELOAD)


def call(
    what: str,
    function: Callable[..., Reply],
    limit: float | None = None,
    seconds: float = SECONDS,
    **arguments: Any,
) -> Reply:
    """Runs `function(**arguments)` in the child.

    Args:
        what: the converter or runtime in the user's words, for messages.
        function: of a module, or a method of a value that can be pickled.
        limit: bytes that the child may hold; by default what it holds and most of what is free now.
        seconds: how long it may take; by default an hour.
        arguments: anything that can be pickled.

    Raises:
        Failed: the function raised; message and kind are its own.
        ConversionError: the child crashed, or took too much memory or time.
    """
    with _lock:
        process = _living()
        bound = limit if limit is not None else process.held + 0.8 * available()
        return process.call(what, (function, arguments), bound, seconds)


def meanwhile(work: Callable[[], object], request: Callable[[], Reply]) -> Reply:
    """What `request`, which calls the child, returns; `work` is done here while the child works."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(request)
        try:
            work()
            return waiting.result()
        except KeyboardInterrupt:
            if _child is not None:
                _child.kill()
            raise


def stop() -> None:
    """Ends the child; the next call starts another."""
    global _child
    with _lock:
        if _child is not None and _child.alive:
            _child.close()
        _child = None


def _living(preload: tuple[str, ...] = ()) -> Child:
    global _child
    if _child is None or not _child.alive:
        _child = Child(preload)
    return _child


atexit.register(stop)
