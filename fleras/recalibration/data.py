"""Data in any form that Keras takes, as batches of model inputs that can be read repeatedly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Batches:
    """An iterable of model inputs; targets and sample weights are dropped.

    Attributes:
        source: iterable of batches, each a structure of inputs or a tuple (inputs, targets, ...).
        length: number of batches, None if unknown.
    """

    source: Iterable[Any]
    length: int | None

    @classmethod
    def of(
        cls, data: Any, steps: int | None, batch_size: int, inputs: int | None = None
    ) -> Batches:
        """Batches of what `fit` takes.

        Args:
            data: arrays of all inputs, a tuple (inputs, targets, ...) of arrays, a
                `tf.data.Dataset`, a `PyDataset` or an iterable of batches.
            steps: number of batches to read; None reads all.
            batch_size: size of the batches of arrays.
            inputs: number of inputs of the model, None if unknown.

        Raises:
            ValueError: an iterator without `steps`, which can't be read again, nothing to read, or
                a tuple whose parts don't belong together.
        """
        if steps is not None and steps < 1:
            raise ValueError(f"steps must be at least 1. Received: steps={steps}")
        if isinstance(data, tuple):
            data = _sliced(_first_of(data, inputs), batch_size)
        elif _is_arrays(data, inputs):
            data = _sliced(data, batch_size)
        elif isinstance(data, Iterator):
            if steps is None:
                raise ValueError(
                    "data is an iterator, which can be read only once. Pass steps (its batches are "
                    f"then kept in memory), a list or a tf.data.Dataset. Received: {data}"
                )
            data = list(islice(data, steps))
        return cls(data, _length(data, steps))

    def __iter__(self) -> Iterator[Any]:
        for batch in islice(_read(self.source), self.length):
            inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
            yield keras.tree.map_structure(tf.convert_to_tensor, inputs)


def _is_array(data: Any) -> bool:
    return isinstance(data, np.ndarray | tf.Tensor) or hasattr(data, "__array__")


def _is_arrays(data: Any, inputs: int | None) -> bool:
    """Whether these are all inputs; a list is, if it has an array for each of several inputs."""
    if isinstance(data, list):
        several = inputs is not None and inputs > 1 and len(data) == inputs
        return several and all(map(_is_array, data))
    return isinstance(data, Mapping) or _is_array(data)


def _first_of(data: tuple[Any, ...], inputs: int | None) -> Any:
    """The inputs of a tuple (inputs, targets, sample weights)."""
    leaves = [[a for a in keras.tree.flatten(part) if a is not None] for part in data]
    sizes = {np.shape(a)[:1] for part in leaves for a in part}
    mismatch = inputs is not None and leaves[:1] and len(leaves[0]) != inputs
    if not 1 <= len(data) <= 3 or len(sizes) != 1 or mismatch:
        shapes = [[tuple(np.shape(a)) for a in part] for part in leaves]
        raise ValueError(
            "A tuple is (inputs, targets, sample weights), arrays with one row per example; pass "
            f"batches as a list. Received a tuple with arrays of shapes: {shapes}"
        )
    return data[0]


def _sliced(inputs: Any, batch_size: int) -> tf.data.Dataset:
    listed = isinstance(inputs, list)
    return tf.data.Dataset.from_tensor_slices((tuple(inputs) if listed else inputs,)).batch(
        batch_size
    )


def _length(data: Any, steps: int | None) -> int | None:
    if isinstance(data, tf.data.Dataset):
        size = int(data.cardinality())
        if size == tf.data.INFINITE_CARDINALITY and steps is None:
            raise ValueError(f"data never ends. Pass steps. Received: {data}")
        known = size if size >= 0 else None
    else:
        known = getattr(data, "num_batches", None)
        known = len(data) if known is None and hasattr(data, "__len__") else known
    return min((n for n in (known, steps) if n is not None), default=None)


def _read(source: Any) -> Iterator[Any]:
    if isinstance(source, keras.utils.PyDataset):
        return (source[index] for index in range(source.num_batches))
    return iter(source)
