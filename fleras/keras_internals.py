"""What Keras keeps to itself of layers and variables; the only file that knows."""

from typing import Any

import keras


def all_layers(model: keras.Layer) -> list[keras.Layer]:
    """The model and every layer in it, however deep."""
    return list(model._flatten_layers())


def unrounded(variable: keras.Variable) -> Any:
    """The value as it is stored; `.value` rounds to float16 under a mixed policy."""
    return variable._value
