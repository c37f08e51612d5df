"""The other form of each affine that a fold had to leave, to be timed beside the one chosen."""

from pathlib import Path

import keras
import numpy as np

from export import to_onnx
from export.onnx_format.passes import affine


def to_onnx_with_plain_affines(model: keras.Model, path: Path) -> None:
    """Leaves the affines that remain as `Mul` and `Add`."""
    block, affine.BLOCK = affine.BLOCK, 2**31
    try:
        to_onnx(model, path)
    finally:
        affine.BLOCK = block


def with_convolved_affines(model: keras.Model) -> keras.Model:
    """The affines that remain as 1x1 depthwise convolutions."""

    def form(layer: keras.Layer) -> keras.Layer:
        if is_affine(layer):
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    clone = keras.models.clone_model(model, clone_function=form)
    for layer in model.layers:
        copy = clone.get_layer(layer.name)
        if is_affine(layer):
            scale = np.broadcast_to(layer.scale, copy.bias.shape)
            copy.kernel.assign(np.reshape(scale, copy.kernel.shape))
            copy.bias.assign(np.broadcast_to(layer.offset, copy.bias.shape))
        else:
            copy.set_weights(layer.get_weights())
    return clone


def is_affine(layer: keras.Layer) -> bool:
    kind = type(layer) is keras.layers.Rescaling
    return kind and np.ndim(layer.scale) + np.ndim(layer.offset) > 0
