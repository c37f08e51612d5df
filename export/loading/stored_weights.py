"""Checks the HDF5 file inside a `.keras` archive: links, declared sizes, readable data."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from export.errors import InputError

RATIO = 100
FREE = 1 << 20


def check_weights(path: Path) -> None:
    """Walks every group and dataset and reads those that are compressed.

    Raises:
        InputError: a link leads out of the file or a dataset declares more than 100 times the size
            of the file.
    """
    import h5py

    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".h5"):
                with archive.open(member) as content:
                    try:
                        with h5py.File(content, "r") as file:
                            _check_group(file, path.name, RATIO * member.file_size + FREE)
                    except (OSError, RuntimeError, ValueError, KeyError) as error:
                        line = " ".join(str(error).split())
                        raise InputError(
                            f"{path.name} holds damaged weights ({line}); save it again"
                        ) from error


def _check_group(group: Any, name: str, allowed: int) -> None:
    import h5py

    for key in group:
        link = group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"{name}: weights {key!r} are a link; it is not from Keras")
        item = group[key]
        if isinstance(item, h5py.Group):
            _check_group(item, name, allowed)
        elif isinstance(item, h5py.Dataset):
            _check_dataset(item, name, allowed)


def _check_dataset(dataset: Any, name: str, allowed: int) -> None:
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{name}: weights {dataset.name!r} lie in another file; refuse to follow")
    if dataset.nbytes > allowed:
        raise InputError(
            f"{name}: weights {dataset.name!r} declare {dataset.nbytes} bytes, more than the file "
            "can hold; it is damaged or made to fill the memory"
        )
    if dataset.chunks:
        dataset[()]
