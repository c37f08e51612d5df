"""Representative inputs for full int8, from wherever the user has them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.base.arrays import read_arrays
from export.base.errors import InputError
from export.keras_model.user_inputs import named_inputs

Arrays = dict[str, np.ndarray]
LIMIT = 512
SUFFIXES = (".npy", ".npz")


def batches(model: keras.Model, data: Any, size: int = 1) -> list[Arrays]:
    """At most 512 examples in batches by input name.

    Args:
        model: with known inputs.
        data: an array, a sequence of arrays or a dict by input name, with the batch first; the
            path of a `.npy` or `.npz` file, or of a directory of them; or a `tf.data.Dataset` (or
            any iterable) of batches, whose labels are ignored. Values as the model takes them.
        size: examples in each batch; what is left over is dropped.

    Raises:
        InputError: no data, or it does not fit the model.
    """
    if data is None:
        raise InputError(
            "int8 needs representative inputs; give some hundred with calibration= (--calibration)"
        )
    parts = [named_inputs(model, part) for part in _parts(data)]
    whole = {name: np.concatenate([part[name] for part in parts])[:LIMIT] for name in parts[0]}
    count = len(next(iter(whole.values()))) // size
    if not count:
        raise InputError(f"the calibration data holds fewer than {size} examples; give more")
    return [
        {name: values[at * size : (at + 1) * size] for name, values in whole.items()}
        for at in range(count)
    ]


def _parts(data: Any) -> list[Any]:
    if isinstance(data, str | Path):
        return [read_arrays(path) for path in _files(Path(data))]
    if isinstance(data, np.ndarray | dict | list | tuple):
        return [data]
    return _taken(data)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise InputError(f"there is no .npy or .npz file in {path}; give a directory that has some")
    return files


def _taken(dataset: Iterable[Any]) -> list[Any]:
    """As many batches as are needed."""
    parts: list[Any] = []
    held = 0
    for batch in dataset:
        given = batch[0] if isinstance(batch, tuple) else batch
        part = keras.tree.map_structure(np.asarray, given)
        parts.append(part)
        held += len(keras.tree.flatten(part)[0])
        if held >= LIMIT:
            break
    if not parts:
        raise InputError("the calibration dataset is empty; give one with some hundred examples")
    return parts
