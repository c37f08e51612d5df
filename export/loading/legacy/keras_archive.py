"""`.keras` files that Keras 2 wrote: those of tf_keras and of TensorFlow 2.12 to 2.15."""

import io
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np

from export.loading.config import read_config
from export.loading.legacy.old_model import OldModel
from export.loading.stored_weights import check_weights

WEIGHTS = "model.weights.h5"
LAYERS = ("_layer_checkpoint_dependencies", "_flatten_layers")
"""What the first versions called the list of layers."""


def read_archive(path: Path) -> OldModel:
    """The model in an archive whose members were checked."""
    check_weights(path)
    with ZipFile(path) as archive:
        content = io.BytesIO(archive.read(WEIGHTS)) if WEIGHTS in archive.namelist() else None
    if content is None:
        return OldModel(read_config(path))
    with h5py.File(content, "r") as file:
        return OldModel(read_config(path), None, read_paths(file))


def read_paths(file: h5py.File) -> dict[str, list[np.ndarray]]:
    """The arrays in an open file by the path of their layer."""
    arrays: dict[str, list[np.ndarray]] = {}
    _collect(file, "", arrays)
    return arrays


def _collect(group: h5py.Group, path: str, arrays: dict[str, list[np.ndarray]]) -> None:
    for name, item in group.items():
        if name == "vars":
            values = sorted(item.items(), key=lambda pair: int(pair[0]))
            arrays[path] = [np.asarray(value) for _, value in values]
        elif isinstance(item, h5py.Group):
            name = "layers" if name in LAYERS else name
            _collect(item, f"{path}/{name}".lstrip("/"), arrays)
