"""Checks the HDF5 file inside a `.keras` archive: links, kinds, declared sizes, readable data."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from export.errors import InputError

RATIO = 100
FREE = 1 << 20


def check_weights(path: Path) -> None:
    """Walks every group and dataset once and reads those that are compressed.

    Raises:
        InputError: a link leads out of the file, a dataset holds references or other objects, or it
            declares more than 100 times the size of the file.
    """
    import h5py

    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".h5"):
                with archive.open(member) as content:
                    try:
                        with h5py.File(content, "r") as file:
                            _check_file(file, path.name, RATIO * member.file_size + FREE)
                    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                        line = " ".join(str(error).split())
                        raise InputError(
                            f"{path.name} holds damaged weights ({line}); save it again"
                        ) from error


def _check_file(file: Any, name: str, allowed: int) -> None:
    """One group after the other; hard links can form cycles, so each object is visited once."""
    import h5py

    groups, seen = [file], set()
    while groups:
        group = groups.pop()
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise InputError(f"{name}: weights {key!r} are a link; it is not from Keras")
            item = group[key]
            place = h5py.h5o.get_info(item.id).addr
            if place not in seen and isinstance(item, h5py.Dataset):
                _check_dataset(item, name, allowed)
            elif place not in seen and isinstance(item, h5py.Group):
                groups.append(item)
            seen.add(place)


def _check_dataset(dataset: Any, name: str, allowed: int) -> None:
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{name}: weights {dataset.name!r} lie in another file; refuse to follow")
    numbers = dataset.dtype.kind in "biufc" or (
        dataset.dtype.kind == "V" and not dataset.dtype.names
    )
    if not numbers:
        raise InputError(f"{name}: weights {dataset.name!r} are no numbers; it is not from Keras")
    if dataset.nbytes > allowed:
        raise InputError(
            f"{name}: weights {dataset.name!r} declare {dataset.nbytes} bytes, more than the file "
            "can hold; it is damaged or made to fill the memory"
        )
    if dataset.chunks:
        dataset[()]
