"""What has to differ in a Keras model while it is traced; everything is put back afterwards."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras

SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@contextmanager
def traceable(model: keras.Model) -> Iterator[None]:
    """Inside the block `model` can be traced into a graph that both converters take."""
    with ExitStack() as undo:
        for layer in model._flatten_layers():
            if not SCOPE.fullmatch(layer.name):
                undo.callback(setattr, layer, "name", layer.name)
                layer.name = re.sub(r"[^A-Za-z0-9_.]", "_", f"layer_{layer.name}")
            if type(layer) is keras.layers.Conv3D and layer.groups > 1:
                vars(layer)["convolution_op"] = partial(_by_group, layer)
                undo.callback(vars(layer).pop, "convolution_op")
        yield


def _by_group(layer: keras.layers.Conv3D, inputs: Any, kernel: Any) -> Any:
    """One convolution per group: neither converter knows groups in three dimensions."""
    channels = -1 if layer.data_format == "channels_last" else 1
    parts = zip(
        keras.ops.split(inputs, layer.groups, axis=channels),
        keras.ops.split(kernel, layer.groups, axis=-1),
        strict=True,
    )
    convolve = partial(type(layer).convolution_op, layer)
    return keras.ops.concatenate([convolve(*part) for part in parts], axis=channels)
