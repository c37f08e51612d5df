"""Replies of a process that is not trusted: plain data, whatever is sent."""

import pickle
from typing import IO, Any


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, text and containers; names no class, so it runs nothing."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuses."""
        raise pickle.UnpicklingError(f"{module}.{name}")


def read_plain(replies: IO[bytes]) -> Any:
    """Raises `pickle.UnpicklingError` at anything else."""
    return _PlainUnpickler(replies).load()
