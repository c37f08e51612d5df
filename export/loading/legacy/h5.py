"""Whole models in HDF5 files, as Keras 2 (and 3, on demand) writes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from export.base.errors import InputError
from export.loading.config import SIZE
from export.loading.legacy.keras_archive import read_paths
from export.loading.legacy.old_model import OldModel, Stored
from export.loading.stored_weights import check_hdf5

LOST = "give its architecture too: model.json --weights FILE; or save the model with model.save()"


def read_h5(path: Path) -> tuple[OldModel, bool]:
    """The model in a file, and whether its configuration is that of Keras 3.

    Raises:
        InputError: the file is damaged, leads elsewhere, or holds weights only.
    """
    with opened(path) as file:
        config = _config(file, path)
        version = _text(file.attrs.get("keras_version", b"1"))
        old = OldModel(config, read_groups(file["model_weights"], path))
    return old, version.startswith("3.")


def read_weights(path: Path, config: dict[str, Any]) -> OldModel:
    """The model of this configuration with the weights in a file, whose layers have names or paths.

    Raises:
        InputError: the file is damaged or leads elsewhere.
    """
    with opened(path) as file:
        if "model_weights" in file:
            return OldModel(config, read_groups(file["model_weights"], path))
        if "layer_names" in file.attrs or "layer_names0" in file.attrs:
            return OldModel(config, read_groups(file, path))
        return OldModel(config, None, read_paths(file))


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """A file from a stranger after a look at everything in it.

    Raises:
        InputError: it is damaged or leads elsewhere.
    """
    try:
        with h5py.File(path, "r") as file:
            check_hdf5(file, path.name, path.stat().st_size)
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path.name} is no HDF5 file that can be read ({' '.join(str(error).split())}); "
            "it is damaged or was cut off, copy it again"
        ) from error


def read_groups(group: h5py.Group, path: Path) -> dict[str, list[Stored]]:
    """The arrays of each layer in the order that its group gives."""
    names = [_text(name) for name in _listed(group, "layer_names")]
    return {name: _arrays(group[name], path) for name in names}


def _config(file: h5py.File, path: Path) -> Any:
    if "model_config" not in file.attrs:
        raise InputError(f"{path.name} holds weights only, no model; {LOST}")
    text = file.attrs["model_config"]
    if len(text) > SIZE:
        raise InputError(
            f"{path.name} has a configuration of more than 64 MiB; it is not from Keras"
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path.name} has a configuration that can't be read; save it again"
        ) from error


def _arrays(group: h5py.Group, path: Path) -> list[Stored]:
    result = []
    for name in map(_text, _listed(group, "weight_names")):
        item = group[name]
        if not isinstance(item, h5py.Dataset):
            raise InputError(f"{path.name}: weights {name!r} are no array; it is damaged")
        result.append(Stored(name.partition(":")[0], np.asarray(item)))
    return result


def _listed(group: h5py.Group, name: str) -> list[Any]:
    """An attribute; long lists are kept in pieces, "name0", "name1", ..."""
    if name in group.attrs:
        return list(group.attrs[name])
    pieces, index = [], 0
    while f"{name}{index}" in group.attrs:
        pieces += list(group.attrs[f"{name}{index}"])
        index += 1
    return pieces


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
