"""Every form in which users hold examples, as a list of what `named_inputs` takes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.base.arrays import read_arrays
from export.base.errors import InputError
from export.keras_model.images import image_files, read_images

LIMIT = 512
SUFFIXES = (".npy", ".npz")


def parts_of(model: keras.Model, data: Any) -> list[Any]:
    """Batches of inputs: arrays, sequences of arrays or dicts by name.

    Raises:
        InputError: there are none, or it is nothing that holds any.
    """
    ranks = [len(tensor.shape) for tensor in model.inputs]
    if isinstance(data, str | Path):
        return _stored(model, Path(data))
    if callable(data) and not _is_array(data) and not isinstance(data, Iterable):
        data = data()
    if _is_array(data) or isinstance(data, Mapping):
        return [_inputs(data, ranks)]
    if isinstance(data, list | tuple) and len(ranks) == 1 and _is_nested_numbers(data):
        return [_batched(_array(data), ranks[0])]
    if isinstance(data, list | tuple) and _is_one_part(data, ranks):
        return [_inputs(data, ranks)]
    if not isinstance(data, Iterable):
        raise InputError(
            f"calibration data of type {type(data).__name__} can't be read; give arrays, a file, a "
            "tf.data.Dataset, or a function that gives batches"
        )
    return _taken(data, ranks)


def _is_nested_numbers(data: Sequence[Any]) -> bool:
    leaf: Any = data
    while isinstance(leaf, list | tuple) and leaf:
        leaf = leaf[0]
    return isinstance(leaf, int | float | complex)


def _is_one_part(data: Sequence[Any], ranks: list[int]) -> bool:
    """Whether these are all inputs, or a pair of inputs and targets, and no batches of such."""
    if not data or not all(map(_is_array, data)):
        nested = isinstance(data, tuple) and len(data) in (2, 3) and not _is_array(data[0])
        return nested and isinstance(data[0], list | tuple | Mapping) and _is_array(data[1])
    if len(ranks) > 1:
        return len(data) in (len(ranks), len(ranks) + 1)
    if isinstance(data, tuple) and len(data) in (2, 3):
        return len(_shape(data[0])) == ranks[0] and _shape(data[1])[:1] == _shape(data[0])[:1]
    return len(_shape(data[0])) == ranks[0] - 1


def _inputs(part: Any, ranks: list[int]) -> Any:
    """The inputs of a batch, without its targets, as arrays with the batch in front."""
    if isinstance(part, Mapping):
        return {name: _array(value) for name, value in part.items()}
    if _is_array(part):
        return _batched(_array(part), ranks[0])
    values = list(part)
    paired = isinstance(part, tuple) and len(values) in (2, 3) and len(values) != len(ranks)
    if len(values) == 1 or paired or (values and not _is_array(values[0])):
        first = values[0] if values else []
        if paired or not _is_array(first) or len(ranks) == 1:
            return _inputs(first, ranks)
    if len(ranks) > 1:
        pairs = zip(values, ranks, strict=False)
        return [_batched(_array(value), rank) for value, rank in pairs]
    return np.stack([_array(value) for value in values])


def _batched(array: np.ndarray, rank: int) -> np.ndarray:
    """A single example becomes a batch of one."""
    return array[None] if array.ndim == rank - 1 else array


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind in "OSUV":
        raise InputError("the calibration data hold no numbers; give arrays of numbers")
    return array


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and hasattr(value, "shape")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape)


def _stored(model: keras.Model, path: Path) -> list[Any]:
    if not path.is_dir():
        return [read_arrays(path)]
    if files := sorted(file for file in path.iterdir() if file.suffix in SUFFIXES):
        return [read_arrays(file) for file in files]
    if images := image_files(path):
        return [read_images(model, images, most=LIMIT)]
    raise InputError(
        f"there is no .npy or .npz file and no image in {path}; give a directory that has some"
    )


def _taken(batches: Iterable[Any], ranks: list[int]) -> list[Any]:
    """As many batches as are needed."""
    parts: list[Any] = []
    held = 0
    for batch in batches:
        part = _inputs(batch, ranks)
        parts.append(part)
        held += len(keras.tree.flatten(part)[0])
        if held >= LIMIT:
            break
    if not parts:
        raise InputError("the calibration data are empty; give some hundred examples")
    return parts
