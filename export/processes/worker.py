"""The child process in which converters and runtimes work: requests in, replies out, pickled."""

import json
import os
import pickle
import sys
import threading
import time
from typing import Any, BinaryIO

from export.processes.confinement import confine


def serve(confinement: dict[str, Any] | None) -> None:
    """Answers calls `(function, arguments)` until input is closed.

    The first request is a function to call before it says that it started, or None.
    """
    if confinement is not None:
        confine(**confinement)
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if (request := _next(sys.stdin.buffer)) and (first := pickle.loads(request)):
        first()
    pickle.dump((True, "started"), replies, protocol=5)
    replies.flush()
    while (request := _next(sys.stdin.buffer)) is not None:
        pickle.dump(_answer(request), replies, protocol=5)
        replies.flush()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _next(requests: BinaryIO) -> bytes | None:
    try:
        request: bytes = pickle.load(requests)
        return request
    except EOFError:
        return None


def _answer(request: bytes) -> tuple[bool, object]:
    try:
        function, arguments = pickle.loads(request)
        return True, function(**arguments)
    except MemoryError:
        return False, ("OutOfMemory", "there is not enough memory; use a smaller model or input")
    except Exception as error:
        return False, (type(error).__name__, str(error))


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
