"""Runs a Keras model at inference on named arrays, in its own precision and in float64."""

import keras
import numpy as np

from export.base.error_text import sentence
from export.base.runtime import Arrays
from export.keras_model.memory_need import refuse_large_run
from export.keras_model.ports import inputs as ports
from export.keras_model.ports import pack, unpack
from export.keras_patches.operations import replaced
from fold.keras_graph.at_dtype import at_dtype
from fold.keras_graph.internals import all_layers
from fold.keras_graph.undisturbed import undisturbed


def run_model(model: keras.Model, inputs: Arrays, target: str = "cpu") -> Arrays:
    """The model's outputs at inference, by name; on the CPU, where float32 is float32.

    States and seeds of the model are as before.

    Args:
        model: with known inputs.
        inputs: by name.
        target: "moved" moves the coordinates of bilinear resizing by one unit of the last place.

    Raises:
        InputError: it would take more memory than there is.
    """
    import tensorflow as tf

    refuse_large_run(model, inputs)
    with tf.device("CPU:0"), replaced(target), undisturbed(model):
        return unpack(model, model(pack(model, inputs), training=False))


def in_float64(model: keras.Model, inputs: Arrays) -> tuple[keras.Model, tuple[str, ...]]:
    """The model in float64; where that can't be made or run on `inputs`, itself and a warning."""
    try:
        twin = at_dtype(model, "float64")
        run_model(twin, widened(twin, inputs))
    except Exception as reason:
        return model, (f"no float64 reference, float32 takes its place: {_told(reason)}",)
    return twin, ()


def widened(exact: keras.Model, inputs: Arrays) -> Arrays:
    """The inputs, which are in order, with what is floating in float64.

    They are called what `exact` calls them: Keras numbers unnamed inputs anew in each model.
    """
    return {
        port.name: values.astype(np.float64) if values.dtype.kind == "f" else values
        for port, values in zip(ports(exact), inputs.values(), strict=True)
    }


def _told(reason: Exception) -> str:
    """What an exception says; the mere key of a missing entry says nothing without its kind."""
    kind, text = type(reason).__name__, sentence(str(reason))
    return text if text and not isinstance(reason, LookupError) else f"{kind}: {text}".rstrip(": ")


def resizes(model: keras.Model) -> bool:
    """Whether the model may resize bilinearly: a layer of someone else's may always."""
    parts = [*all_layers(model), *_operations(model)]
    return any(
        getattr(part, "interpolation", "") == "bilinear"
        or not type(part).__module__.startswith("keras.")
        for part in parts
    )


def _operations(model: keras.Model) -> list[keras.Operation]:
    """Of the model and of those inside it."""
    parts = all_layers(model)
    return [each for part in parts for each in getattr(part, "operations", [])]
