"""Paths as they are given."""

import os
from pathlib import Path

from export.base.errors import InputError


def given_path(path: str | os.PathLike[str]) -> Path:
    """The path, as all of Python and native code can take it.

    Raises:
        InputError: it is empty, or is or lies in a folder whose name is no UTF-8.
    """
    if not os.fspath(path):
        raise InputError("an empty path is given; give the name of a file or directory")
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the name of {path} is no UTF-8, which the converters and runtimes can't open; "
            "rename it or choose another directory"
        ) from error
    return Path(path)
