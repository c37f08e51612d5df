"""What has to differ in a Keras model while it is traced; everything is put back afterwards."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.core import name_scope as NameScope
from keras.src.ops import image

from export.keras_patches.operations import replaced
from export.keras_patches.per_axis import per_axis
from export.keras_patches.recurrent import expressible, loop

ENTER = NameScope.__enter__
IDENTITY_CONVOLUTION = image._extract_patches_2d
SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@contextmanager
def traceable(model: keras.Model, target: str) -> Iterator[None]:
    """Inside the block `model` can be traced into a graph that the converter to `target` takes."""
    with ExitStack() as undo:
        undo.enter_context(replaced(target))
        undo.callback(setattr, image, "_extract_patches_2d", IDENTITY_CONVOLUTION)
        image._extract_patches_2d = _extract_patches
        undo.callback(setattr, NameScope, "__enter__", NameScope.__enter__)
        NameScope.__enter__ = _enter_exactly
        for layer in model._flatten_layers():
            if not SCOPE.fullmatch(layer.name):
                undo.callback(setattr, layer, "name", layer.name)
                layer.name = re.sub(r"[^A-Za-z0-9_.]", "_", f"layer_{layer.name}")
            for method, replacement in _replacements(layer, target).items():
                vars(layer)[method] = partial(replacement, layer)
                undo.callback(vars(layer).pop, method)
        yield


def _enter_exactly(scope: Any) -> Any:
    """Enters a layer's own scope again, where TensorFlow would number it: `conv` as `conv_1`."""
    outer = tf.get_current_name_scope()
    scope._tf_name_scope = tf.name_scope(f"{outer}/{scope.name}/" if outer else f"{scope.name}/")
    return ENTER(scope)


def _replacements(layer: keras.Layer, target: str) -> dict[str, Any]:
    """Methods to replace by something equal that the converter knows."""
    if target == "onnx" and expressible(layer):
        return {"inner_loop": loop}
    if type(layer) is keras.layers.Conv3D and layer.groups > 1:
        return {"convolution_op": _by_group}
    if type(layer) is keras.layers.Dense and not getattr(layer, "quantization_mode", None):
        return {"call": _apply_matrix}
    if type(layer) is keras.layers.UpSampling2D:
        return {"_resize_images": _resize}
    if type(layer) is keras.layers.PReLU and len(layer.alpha.shape) > 3:
        return {"call": _parametric}
    if type(layer) is keras.layers.TimeDistributed and _keeps_examples_apart(layer.layer):
        return {"call": _all_times_at_once}
    return {}


def _apply_matrix(layer: keras.layers.Dense, inputs: Any, training: bool | None = None) -> Any:
    """One matrix product at every rank; Keras flattens to a matrix first, and back."""
    x = tf.matmul(inputs, layer.kernel)
    if layer.bias is not None:
        x = keras.ops.add(x, layer.bias)
    return x if layer.activation is None else layer.activation(x)


def _parametric(layer: keras.layers.PReLU, inputs: Any) -> Any:
    """TFLite takes Keras' form for its own operator, which knows no volumes."""
    return tf.maximum(inputs, 0.0) + layer.alpha * tf.minimum(inputs, 0.0)


def _resize(layer: keras.layers.UpSampling2D, x: Any, *factors: Any, **interpolation: Any) -> Any:
    """One resize, also of a free size.

    Keras repeats rows and columns, which takes a dozen operators, or compares the size with zero,
    which it can't while it is free.
    """
    first = layer.data_format == "channels_first"
    x = keras.ops.moveaxis(x, 1, -1) if first else x
    _, rows, columns, _ = keras.ops.shape(x)
    size = (rows * layer.size[0], columns * layer.size[1])
    free = None in x.shape[1:3]
    resize = tf.image.resize if free else keras.ops.image.resize
    x = resize(x, size, layer.interpolation, **({} if free else {"data_format": "channels_last"}))
    return keras.ops.moveaxis(x, -1, 1) if first else x


def _keeps_examples_apart(layer: keras.Layer) -> bool:
    return all(type(part).__module__.startswith("keras.") for part in layer._flatten_layers())


def _all_times_at_once(
    layer: keras.layers.TimeDistributed,
    inputs: Any,
    training: bool | None = None,
    mask: Any = None,
) -> Any:
    """Times as further examples; Keras repeats the layer for each, or loops."""
    if training or mask is not None:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    batch, times, *shape = keras.ops.shape(inputs)
    options = {"training": training} if layer.layer._call_has_training_arg else {}
    results = layer.layer.call(keras.ops.reshape(inputs, (batch * times, *shape)), **options)
    return keras.tree.map_structure(
        lambda x: keras.ops.reshape(x, (batch, times, *keras.ops.shape(x)[1:])), results
    )


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


def _extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Patches by a depthwise convolution, whose kernel is small.

    Keras convolves with an identity of all elements of a patch: gibibytes for large ones.
    """
    size, strides = per_axis(size, 2), per_axis(size if strides is None else strides, 2)
    dilation_rate = per_axis(dilation_rate, 2)
    if len(set(strides)) > 1:
        return IDENTITY_CONVOLUTION(images, size, strides, dilation_rate, padding, data_format)
    data_format = data_format or keras.config.image_data_format()
    channels_last = data_format == "channels_last"
    rows, columns = size
    whole = images if len(images.shape) == 4 else images[None]
    x = whole if channels_last else tf.transpose(whole, (0, 2, 3, 1))
    count, channels = rows * columns, x.shape[-1]
    kernel = np.eye(count).reshape(rows, columns, 1, count).repeat(channels, 2)
    y = keras.ops.depthwise_conv(
        x,
        tf.constant(kernel, x.dtype),
        strides=strides,
        padding=padding,
        data_format="channels_last",
        dilation_rate=dilation_rate,
    )
    *around, _ = keras.ops.shape(y)
    y = keras.ops.reshape(y, (*around, channels, count))
    y = keras.ops.reshape(keras.ops.swapaxes(y, -1, -2), (*around, count * channels))
    y = y if channels_last else tf.transpose(y, (0, 3, 1, 2))
    return y if len(images.shape) == 4 else y[0]
