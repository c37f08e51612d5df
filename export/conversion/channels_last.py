"""Convolutions with channels first, computed with channels last.

TensorFlow on a CPU has the others for some dtypes and ranks only, and TFLite has none of them.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
from keras.src.backend.tensorflow import nn

CONVOLUTIONS = ("conv", "conv_transpose", "depthwise_conv", "separable_conv")


@contextmanager
def channels_last() -> Iterator[None]:
    """Inside the block no convolution of Keras has its channels first."""
    with ExitStack() as undo:
        for name in CONVOLUTIONS:
            convolve = getattr(nn, name)
            undo.callback(setattr, nn, name, convolve)
            setattr(nn, name, partial(_turned, convolve))
        yield


def _turned(convolve: Callable[..., Any], *positional: Any, **named: Any) -> Any:
    call = inspect.signature(convolve).bind(*positional, **named)
    data_format = call.arguments.get("data_format") or keras.config.image_data_format()
    if data_format == "channels_last":
        return convolve(*positional, **named)
    call.arguments["data_format"] = "channels_last"
    call.arguments["inputs"] = keras.ops.moveaxis(call.arguments["inputs"], 1, -1)
    return keras.ops.moveaxis(convolve(*call.args, **call.kwargs), -1, 1)
