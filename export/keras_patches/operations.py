"""Operations of Keras' TensorFlow backend, written with what a CPU or a converter knows."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from string import ascii_letters
from typing import Any

import tensorflow as tf
from keras.src import backend
from keras.src.backend.tensorflow import image, nn
from keras.src.backend.tensorflow import numpy as tf_numpy
from keras.src.ops import nn as ops_nn
from keras.src.utils import tf_utils

from export.keras_patches import dilated, eager, reverse, transposed
from export.keras_patches.channels_last import with_channels_last
from export.keras_patches.moved_coordinates import moved
from export.keras_patches.normalize import normalize
from export.keras_patches.resizing import by_matrices
from export.keras_patches.volumes import by_plane


@contextmanager
def replaced(target: str) -> Iterator[None]:
    """Inside the block Keras computes with those of `FOR[target]`; else with `CONVERTIBLE`."""
    with ExitStack() as undo:
        for (module, name), replacement in FOR.get(target, CONVERTIBLE).items():
            original = getattr(module, name)
            undo.callback(setattr, module, name, original)
            setattr(module, name, partial(replacement, original))
        yield


def _position(
    find: Callable[..., Any], x: Any, axis: int | None = None, keepdims: bool = False
) -> Any:
    """Keras orders the two zeros by their bits, which neither format can look at."""
    x = tf.convert_to_tensor(x)
    search = tf.argmax if find.__name__ == "argmax" else tf.argmin
    found = search(tf.reshape(x, [-1]) if axis is None else x, axis or 0, output_type="int32")
    if not keepdims:
        return found
    return tf.reshape(found, [1] * x.ndim) if axis is None else tf.expand_dims(found, axis)


def _einsum(einsum: Callable[..., Any], subscripts: str, *operands: Any, **options: Any) -> Any:
    """Spells out the axes that an ellipsis stands for, where it stands in one operand alone."""
    terms = subscripts.replace(" ", "").split("->")[0].split(",")
    holders = [index for index, term in enumerate(terms) if "..." in term]
    if len(holders) == 1:
        count = len(operands[holders[0]].shape) - len(terms[holders[0]]) + 3
        free = [letter for letter in ascii_letters if letter not in subscripts]
        subscripts = subscripts.replace("...", "".join(free[:count]))
    return einsum(subscripts, *operands, **options)


def _add(add: Callable[..., Any], x1: Any, x2: Any) -> Any:
    """TFLite takes every sum with a bias for channels in front as one of four dimensions."""
    result = add(x1, x2)
    if result.op.type != "BiasAdd" or result.op.get_attr("data_format") != b"NCHW":
        return result
    x, bias = result.op.inputs
    return tf.add(x, tf.reshape(bias, (-1, *[1] * (len(x.shape) - 2))))


def _with_channels_last(convolve: Callable[..., Any]) -> Callable[..., Any]:
    return lambda stock, *given, **named: with_channels_last(
        partial(convolve, stock), *given, **named
    )


def _refuse_counting(*given: Any, **named: Any) -> None:
    """Keras then encodes categories by comparing, not by counting."""
    raise ValueError


def _refuse_fusing(*given: Any, **named: Any) -> None:
    """Keras then runs each direction by itself, on a GPU too."""
    raise NotImplementedError


Replacements = dict[tuple[Any, str], Callable[..., Any]]
CONVOLUTIONS: Replacements = {
    (nn, "conv"): with_channels_last,
    (nn, "conv_transpose"): with_channels_last,
    (nn, "depthwise_conv"): with_channels_last,
    (nn, "separable_conv"): with_channels_last,
}
CONVERTIBLE: Replacements = CONVOLUTIONS | {
    (nn, "conv"): _with_channels_last(dilated.convolve),
    (nn, "depthwise_conv"): _with_channels_last(dilated.convolve_depthwise),
    (nn, "separable_conv"): _with_channels_last(dilated.convolve_separable),
    (tf_numpy, "argmax"): _position,
    (tf_numpy, "argmin"): _position,
    (tf_numpy, "einsum"): _einsum,
    (image, "resize"): by_matrices,
    (tf_utils, "tf_encode_categorical_inputs"): _refuse_counting,
}
CPU: Replacements = CONVOLUTIONS | {
    (nn, "conv"): _with_channels_last(eager.convolve),
    (nn, "softmax"): eager.softmax,
    (nn, "max_pool"): by_plane,
}
FOR = {
    "cpu": CPU,
    "moved": CPU | {(image, "resize"): moved},
    "onnx": CONVERTIBLE
    | {
        (nn, "conv_transpose"): transposed.by_operator,
        (tf_numpy, "flip"): reverse.by_operator,
        (backend, "bidirectional_lstm"): _refuse_fusing,
        (backend, "bidirectional_gru"): _refuse_fusing,
    },
    "tflite": CONVERTIBLE
    | {
        (tf_numpy, "add"): _add,
        (ops_nn, "_normalize"): normalize,
        (nn, "max_pool"): by_plane,
        (nn, "average_pool"): by_plane,
    },
}
