"""Runs a Keras model at inference on named arrays, in its own precision and in float64."""

import keras
import numpy as np

from export.base.error_text import sentence
from export.base.runtime import Arrays
from export.keras_model.memory_need import refuse_large_run
from export.keras_model.ports import pack, unpack
from export.keras_patches.operations import replaced
from fold.keras_graph.at_dtype import at_dtype


def run(model: keras.Model, inputs: Arrays) -> Arrays:
    """The model's outputs at inference, by name; on the CPU, where float32 is float32.

    Raises:
        InputError: it would take more memory than there is.
    """
    import tensorflow as tf

    refuse_large_run(model, inputs)
    with tf.device("CPU:0"), replaced("cpu"):
        return unpack(model, model(pack(model, inputs), training=False))


def in_float64(model: keras.Model, inputs: Arrays) -> tuple[keras.Model, tuple[str, ...]]:
    """The model in float64; where that can't be made or run on `inputs`, itself and a warning."""
    try:
        twin = at_dtype(model, "float64")
        run(twin, wide(inputs))
    except Exception as reason:
        first = sentence(str(reason)) or type(reason).__name__
        return model, (f"no float64 reference, float32 takes its place: {first}",)
    return twin, ()


def wide(inputs: Arrays) -> Arrays:
    """The inputs with what is floating in float64."""
    return {
        name: values.astype(np.float64) if values.dtype.kind == "f" else values
        for name, values in inputs.items()
    }
