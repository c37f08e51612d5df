"""Checks the HDF5 file inside a `.keras` archive: links, kinds, declared sizes, readable data."""

import io
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from export.base.errors import InputError

RATIO = 100
FREE = 1 << 20
FILTERS = frozenset({1, 2, 3, 4, 32000})
"""Deflate, shuffle, Fletcher's checksum, szip, LZF: what h5py holds itself. For others HDF5 loads a
library."""


def check_weights(path: Path) -> None:
    """Walks every group and dataset once and reads those that are compressed.

    Raises:
        InputError: something is a link, lies in another file or needs a library, holds references
            or other objects, or all declare more than 100 times the size of the file.
    """
    import h5py

    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".h5"):
                with _opened(archive, member, path) as content:
                    try:
                        with h5py.File(content, "r") as file:
                            check_hdf5(file, path.name, member.file_size)
                    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                        line = " ".join(str(error).split())
                        raise InputError(
                            f"{path.name} holds damaged weights ({line}); save it again"
                        ) from error


def _opened(archive: ZipFile, member: ZipInfo, path: Path) -> Any:
    """The member; one that is not compressed as a part of the file, in which seeking is free."""
    content = archive.open(member)
    if member.compress_type != ZIP_STORED:
        return content
    start = archive.fp.tell()  # type: ignore[union-attr]  # open() stops behind the local header
    content.close()
    return io.BufferedReader(_Part(path.open("rb"), start, member.file_size))


class _Part(io.RawIOBase):
    """Bytes `start` to `start + size` of a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(origin + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        content = self._file.read(min(len(buffer), max(self._size - self._at, 0)))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def check_hdf5(file: Any, name: str, size: int) -> None:
    """Walks an open file of `size` bytes: one group after the other, each object once.

    (Hard links can form cycles.)

    Raises:
        InputError: see `check_weights`.
    """
    import h5py

    allowed = RATIO * size + FREE
    groups, seen, declared = [file], set(), 0
    while groups:
        group = groups.pop()
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise InputError(f"{name}: weights {key!r} are a link; it is not from Keras")
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address not in seen and isinstance(item, h5py.Dataset):
                declared += item.nbytes
                _check_dataset(item, name, declared, allowed)
            elif address not in seen and isinstance(item, h5py.Group):
                groups.append(item)
            seen.add(address)


def _check_dataset(dataset: Any, name: str, declared: int, allowed: int) -> None:
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{name}: weights {dataset.name!r} lie in another file; refuse to follow")
    numbers = dataset.dtype.kind in "biufc" or (
        dataset.dtype.kind == "V" and not dataset.dtype.names
    )
    if not numbers:
        raise InputError(f"{name}: weights {dataset.name!r} are no numbers; it is not from Keras")
    if declared > allowed:
        raise InputError(
            f"{name}: weights declare {declared} bytes up to {dataset.name!r}, more than the file "
            "can hold; it is damaged or made to fill the memory"
        )
    settings = dataset.id.get_create_plist()
    filters = {settings.get_filter(at)[0] for at in range(settings.get_nfilters())}
    if foreign := filters - FILTERS:
        raise InputError(
            f"{name}: weights {dataset.name!r} are stored with filter {min(foreign)}, which needs "
            "a library; it is not from Keras"
        )
    if dataset.chunks:
        dataset[()]
