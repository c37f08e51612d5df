"""What has to differ in a Keras model while it is traced; everything is put back afterwards."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf

SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@contextmanager
def traceable(model: keras.Model) -> Iterator[None]:
    """Inside the block `model` can be traced into a graph that both converters take."""
    with ExitStack() as undo:
        for layer in model._flatten_layers():
            if not SCOPE.fullmatch(layer.name):
                undo.callback(setattr, layer, "name", layer.name)
                layer.name = re.sub(r"[^A-Za-z0-9_.]", "_", f"layer_{layer.name}")
            for method, replacement in _replacements(layer).items():
                vars(layer)[method] = partial(replacement, layer)
                undo.callback(vars(layer).pop, method)
        yield


def _replacements(layer: keras.Layer) -> dict[str, Any]:
    """Methods to replace by something equal that both converters know."""
    if type(layer) is keras.layers.Conv3D and layer.groups > 1:
        return {"convolution_op": _by_group}
    if type(layer) is keras.layers.Dense and not getattr(layer, "quantization_mode", None):
        return {"call": _apply_matrix}
    if type(layer) is keras.layers.UpSampling2D and layer.interpolation == "nearest":
        return {"_resize_images": _resize}
    return {}


def _apply_matrix(layer: keras.layers.Dense, inputs: Any, training: bool | None = None) -> Any:
    """One matrix product at every rank; Keras flattens to a matrix first, and back."""
    x = tf.matmul(inputs, layer.kernel)
    if layer.bias is not None:
        x = keras.ops.add(x, layer.bias)
    return x if layer.activation is None else layer.activation(x)


def _resize(layer: keras.layers.UpSampling2D, x: Any, *factors: Any, **interpolation: Any) -> Any:
    """One resize; Keras repeats rows and columns, which takes a dozen operators."""
    rows = 1 if layer.data_format == "channels_last" else 2
    size = keras.ops.shape(x)[rows : rows + 2]
    scaled = (size[0] * layer.size[0], size[1] * layer.size[1])
    return keras.ops.image.resize(x, scaled, "nearest", data_format=layer.data_format)


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
