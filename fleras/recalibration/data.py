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
    def of(cls, data: Any, steps: int | None, batch_size: int) -> Batches:
        """Batches of arrays, a `tf.data.Dataset`, a `PyDataset` or any iterable of batches.

        Raises:
            ValueError: an iterator without `steps`, which can't be read again, or nothing to read.
        """
        if steps is not None and steps < 1:
            raise ValueError(f"steps must be at least 1. Received: steps={steps}")
        if _is_arrays(data):
            data = tf.data.Dataset.from_tensor_slices(data).batch(batch_size)
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


def _is_arrays(data: Any) -> bool:
    if isinstance(data, Mapping):
        return True
    return isinstance(data, np.ndarray | tf.Tensor)


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
