"""Convolutions with channels first, computed with channels last.

TensorFlow on a CPU has the others for some dtypes and ranks only, and TFLite has none of them.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras


def with_channels_last(convolve: Callable[..., Any], *positional: Any, **named: Any) -> Any:
    """Keras' `convolve` between two transpositions, where the data have their channels first."""
    call = inspect.signature(convolve).bind(*positional, **named)
    data_format = call.arguments.get("data_format") or keras.config.image_data_format()
    if data_format == "channels_last":
        return convolve(*positional, **named)
    call.arguments["data_format"] = "channels_last"
    call.arguments["inputs"] = keras.ops.moveaxis(call.arguments["inputs"], 1, -1)
    return keras.ops.moveaxis(convolve(*call.args, **call.kwargs), -1, 1)
