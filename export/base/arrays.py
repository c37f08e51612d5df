"""Reads `.npy` and `.npz` files from strangers: numbers and text, never Python objects."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy

from export.base.errors import InputError

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
RATIO = 1100
"""No file of NumPy expands further: that of the algorithm is 1032."""
FREE = 1 << 20
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path, ratio: int = RATIO) -> np.ndarray | dict[str, np.ndarray]:
    """The array in a `.npy` file, or those in a `.npz` file by name.

    What an array declares is compared with what the file holds before memory is taken for it.

    Args:
        path: of the file.
        ratio: how many times its size the arrays may have together, but for 1 MiB.

    Raises:
        InputError: no such file; it is damaged, holds something else, or declares too much.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    size = path.stat().st_size
    try:
        with open(path, "rb") as file:
            zipped = file.read(4) in ZIP
            file.seek(0)
            return dict(_members(file, ratio * size + FREE)) if zipped else _array(file, size)
    except Exception as error:
        raise InputError(f"{path} holds no arrays; give a .npy or .npz file of numbers") from error


def _members(file: IO[bytes], most: int) -> Iterator[tuple[str, np.ndarray]]:
    with ZipFile(file) as archive:
        if sum(member.file_size for member in archive.infolist()) > most:
            raise ValueError("declares too much")
        for member in archive.infolist():
            with archive.open(member) as content:
                yield member.filename.removesuffix(".npy"), _array(content, member.file_size)


def _array(content: IO[bytes], size: int) -> np.ndarray:
    shape, _, dtype = HEADERS[npy.read_magic(content)](content)
    if dtype.hasobject or dtype.names or min(shape, default=0) < 0:
        raise ValueError("no numbers")
    if prod(shape) * dtype.itemsize > size - content.tell():
        raise ValueError("declares more than it holds")
    content.seek(0)
    array: np.ndarray = npy.read_array(content, allow_pickle=False)
    return array
