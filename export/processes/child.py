"""Calls a function in a child process, so that a crash or a lack of memory becomes an error.

Converters and runtimes are native code that can end the process they run in. One child serves all
calls, because starting TensorFlow takes seconds; it is replaced after it died.
"""

import atexit
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from export.processes.memory import usable
from export.processes.tensorflow_alone import import_tensorflow
from export.processes.worker_process import WorkerProcess

SECONDS = 3600.0

Reply = TypeVar("Reply")

_child: WorkerProcess | None = None
_lock = threading.Lock()


def start() -> None:
    """Starts the child, if there is none, with TensorFlow in it; returns at once.

    A child that was not started so loads what a call needs: verification needs no TensorFlow.
    """
    with _lock:
        _living(import_tensorflow)


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
        bound = limit if limit is not None else process.held + usable()
        reply: Reply = process.call(what, (function, arguments), bound, seconds)
        return reply


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
        if _child is not None:
            _child.close()
        _child = None


def _living(first: Callable[[], None] | None = None) -> WorkerProcess:
    global _child
    if _child is not None and not _child.alive:
        _child.close()
        _child = None
    if _child is None:
        _child = WorkerProcess(first)
    return _child


atexit.register(stop)
