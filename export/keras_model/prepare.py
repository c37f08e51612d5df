"""From the model as it was trained to the model that both converters take."""

from dataclasses import dataclass

import keras

from export.base.errors import InputError
from export.keras_model.training_mode import overridden
from fold import FoldError
from fold.keras_graph.at_dtype import FLOATS, at_dtype
from fold.keras_graph.functional import as_functional
from fold.keras_graph.internals import all_layers


@dataclass(frozen=True)
class Prepared:
    """A float32 model with known inputs and outputs, and what was done to get it."""

    model: keras.Model
    notes: tuple[str, ...]


def prepare(model: keras.Model) -> Prepared:
    """Makes the model that is converted; the given one is not changed.

    A subclassed model is wrapped, mixed-precision layers are rebuilt in float32.

    Raises:
        InputError: the model was never built, its inputs can't be known, or it keeps a state.
    """
    try:
        model = as_functional(model)
    except FoldError as error:
        raise InputError(" ".join(str(error).split())) from error
    _refuse_states(model)
    notes = [*_augmentation_notes(model), *_training_notes(model)]
    if dtypes := _other_floats(model):
        model = at_dtype(model, "float32")
        notes.append(f"what computed in {', '.join(dtypes)} was rebuilt in float32")
    return Prepared(model, tuple(notes))


def _other_floats(model: keras.Model) -> list[str]:
    """Floating dtypes but float32 that something computes in.

    Operations compute in what they are given: in float64 with an array of NumPy.
    """
    parts = all_layers(model)
    dtypes = {part.compute_dtype for part in parts} & FLOATS
    operations = [each for part in parts for each in getattr(part, "operations", [])]
    made = keras.tree.flatten([each.output for each in operations])
    if any(tensor.dtype == "float64" for tensor in made):
        dtypes.add("float64")
    return sorted(dtypes - {"float32"})


def _augmentation_notes(model: keras.Model) -> list[str]:
    names = [layer.name for layer in all_layers(model) if is_augmentation(layer)]
    text = "random augmentation is the identity at inference and not in the file: "
    return [text + ", ".join(names)] if names else []


def is_augmentation(layer: keras.Layer) -> bool:
    """True for the layers of `keras.layers` that alter images at random while training."""
    module, name = type(layer).__module__, type(layer).__name__
    random = name.startswith(("Random", "AutoContrast", "CutMix", "MixUp", "AugMix", "RandAugment"))
    return module.startswith("keras.src.layers.preprocessing") and random


def _training_notes(model: keras.Model) -> list[str]:
    names = ", ".join(overridden(model))
    text = f"called with training=True, but in inference mode in predict and in the file: {names}"
    return [text] if names else []


def _refuse_states(model: keras.Model) -> None:
    """A file starts anew in each run; and the model would be changed by trying it."""
    for layer in all_layers(model):
        if getattr(layer, "stateful", False) is True:
            raise InputError(
                f"layer {layer.name!r} ({type(layer).__name__}) is stateful, and a file keeps no "
                "state between its runs; make it with stateful=False and return_state=True, call "
                "it with initial_state=... of further inputs and make its states outputs"
            )
