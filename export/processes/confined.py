"""Calls a function in a process that can do no harm."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from export.processes.worker_process import WorkerProcess

Reply = TypeVar("Reply")


def call_confined(
    what: str,
    function: Callable[..., Reply],
    limit: float,
    seconds: float,
    readable: Sequence[str] = (),
    **arguments: Any,
) -> Reply:
    """Runs `function(scratch=..., **arguments)` in a process of its own that can do no harm.

    It reads the system's and Python's files and the given ones, writes into the directory `scratch`
    that is gone afterwards, and has no network; as far as the system can, see
    `export.processes.confinement`.

    Args:
        what: see `call`.
        function: its result consists of plain values.
        limit: see `call`.
        seconds: see `call`.
        readable: files and directories.
        arguments: see `call`.
    """
    process = WorkerProcess(confinement={"readable": [*readable], "size": int(limit)})
    try:
        request = function, {"scratch": process.scratch, **arguments}
        reply: Reply = process.call(what, request, limit, seconds)
        return reply
    finally:
        process.close()
