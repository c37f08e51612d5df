"""The model with the ranges of its channels made equal, which int8 profits from."""

from collections.abc import Iterator

import keras

from export.base.error_text import sentence
from export.base.runtime import Arrays
from export.keras_model.ports import pack
from export.keras_patches.operations import replaced
from fold import FoldError
from fold.regions.equalize import equalize

EXAMPLES, BATCH = 256, 8


def equalized(model: keras.Model, examples: Arrays) -> tuple[keras.Model, str]:
    """A model that computes the same; the given one and why where that can't be rebuilt.

    Args:
        model: in float32, with known inputs.
        examples: representative inputs by name; the ranges are those of the first 256.
    """
    import tensorflow as tf

    data = [pack(model, feeds) for feeds in _batches(model, examples)]
    try:
        with tf.device("CPU:0"), replaced("cpu"):
            return equalize(model, data), ""
    except FoldError as error:
        return model, f"the ranges of channels were not made equal: {sentence(str(error))}"


def _batches(model: keras.Model, examples: Arrays) -> Iterator[Arrays]:
    """A few examples at a time, or as many as the model takes at once."""
    size = model.inputs[0].shape[0] or BATCH
    fixed = model.inputs[0].shape[0] is not None
    count = min(len(next(iter(examples.values()))), EXAMPLES)
    for start in range(0, count - size + 1 if fixed else count, size):
        yield {name: values[start : start + size] for name, values in examples.items()}
