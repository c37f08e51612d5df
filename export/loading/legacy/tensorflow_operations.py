"""The table of TensorFlow functions that a functional model of Keras 2 may have called.

Each has the parameters of the TensorFlow function of that name, because the old file holds its
arguments by these names, and calls `keras.ops`.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from export.base.errors import InputError
from export.loading.legacy.sizes import calculated, joined, reshape, shape, stacked
from export.loading.legacy.slicing import get_item, strided_slice

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda")

Function = Callable[..., Any]


def operation(node: dict[str, Any]) -> Function:
    """What a `TFOpLambda` or `SlicingOpLambda` layer calls.

    Raises:
        InputError: the TensorFlow function is not in the table.
    """
    name = str(node["config"].get("function"))
    short = name.removeprefix("compat.v1.").removeprefix("tf.")
    function = FUNCTIONS.get(short) or FUNCTIONS.get(ALIASES.get(short, ""))
    if function is None:
        raise InputError(
            f"layer {node['config'].get('name')!r} calls tf.{name}, for which there is no "
            "operation of Keras 3 here; rebuild the model with layers or keras.ops"
        )
    return function


def _like(value: Any, other: Any) -> Any:
    """Constants in the type of what they meet, as TensorFlow takes them."""
    if isinstance(value, list) and not any(isinstance(v, keras.KerasTensor) for v in value):
        return np.asarray(value, getattr(other, "dtype", None))
    return value


def _unary(function: Function) -> Function:
    return lambda x=None, name=None, **features: function(_only(x, features))


def _only(x: Any, features: dict[str, Any]) -> Any:
    """TensorFlow calls the one argument x, features, logits, input, a or tensor."""
    return x if x is not None else next(iter(features.values()))


def _binary(function: Function) -> Function:
    def binary(x: Any, y: Any, name: Any = None) -> Any:
        size = calculated(function, x, y)
        return function(_like(x, y), _like(y, x)) if size is None else size

    return binary


def _reduce(function: Function) -> Function:
    def reduce(
        input_tensor: Any, axis: Any = None, keepdims: Any = None, name: Any = None, **old: Any
    ) -> Any:
        axis = old.get("reduction_indices", axis)
        axis = tuple(axis) if isinstance(axis, list) else axis
        return function(input_tensor, axis=axis, keepdims=bool(keepdims or old.get("keep_dims")))

    return reduce


def _arg(function: Function) -> Function:
    def arg(input: Any, axis: Any = None, output_type: Any = "int64", name: Any = None) -> Any:
        return ops.cast(function(input, axis=axis or 0), _dtype(output_type))

    return arg


def _dtype(value: Any) -> Any:
    return value.get("config", value) if isinstance(value, dict) else value


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """`tf.cast`."""
    return ops.cast(x, _dtype(dtype))


def concat(values: Any, axis: Any, name: Any = None) -> Any:
    """`tf.concat`."""
    values = values if isinstance(values, list) else [values]
    if (sizes := joined(values)) is not None:
        return sizes
    tensor = next(v for v in values if isinstance(v, keras.KerasTensor))
    return ops.concatenate([_like(value, tensor) for value in values], axis=axis)


def stack(values: Any, axis: int = 0, name: Any = None) -> Any:
    """`tf.stack`."""
    values = values if isinstance(values, list) else [values]
    sizes = stacked(values)
    return ops.stack(values, axis=axis) if sizes is None else sizes


def unstack(value: Any, num: Any = None, axis: int = 0, name: Any = None) -> Any:
    """`tf.unstack`."""
    return ops.unstack(value, num=num, axis=axis)


def split(
    value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: Any = None
) -> Any:
    """`tf.split`; sizes become the places to cut at."""
    if isinstance(num_or_size_splits, list):
        sizes = list(num_or_size_splits)
        if -1 in sizes:
            sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
        return ops.split(value, [int(end) for end in np.cumsum(sizes)[:-1]], axis=axis)
    return ops.split(value, num_or_size_splits, axis=axis)


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: Any = None) -> Any:
    """`tf.transpose`."""
    return ops.transpose(a, perm)


def expand_dims(input: Any, axis: Any = None, name: Any = None, dim: Any = None) -> Any:
    """`tf.expand_dims`."""
    return ops.expand_dims(input, dim if axis is None else axis)


def squeeze(input: Any, axis: Any = None, name: Any = None, squeeze_dims: Any = None) -> Any:
    """`tf.squeeze`."""
    axis = squeeze_dims if axis is None else axis
    return ops.squeeze(input, tuple(axis) if isinstance(axis, list) else axis)


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: Any = None, **_: Any
) -> Any:
    """`tf.matmul`."""
    a, b = _like(a, b), _like(b, a)
    return ops.matmul(
        ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b
    )


def einsum(equation: str, *inputs: Any, name: Any = None, **_: Any) -> Any:
    """`tf.einsum`, of which Keras 2 saves the equation and not what it is applied to."""
    raise InputError(
        f"the file has lost what tf.einsum {equation!r} is applied to; use EinsumDense"
    )


def tensordot(a: Any, b: Any, axes: Any, name: Any = None) -> Any:
    """`tf.tensordot`."""
    return ops.tensordot(a, _like(b, a), axes=axes)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None
) -> Any:
    """`tf.pad`."""
    mode = mode.lower()
    return ops.pad(tensor, paddings, mode, constant_values if mode == "constant" else None)


def tile(input: Any, multiples: Any, name: Any = None) -> Any:
    """`tf.tile`."""
    return ops.tile(input, multiples)


def repeat(input: Any, repeats: Any, axis: Any = None, name: Any = None) -> Any:
    """`tf.repeat`."""
    return ops.repeat(input, repeats, axis=axis)


def gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, **_: Any
) -> Any:
    """`tf.gather` without batch dimensions."""
    if _.get("batch_dims"):
        raise InputError("tf.gather with batch_dims can't be expressed; use keras.ops")
    return ops.take(params, indices, axis=axis or 0)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: Any = None) -> Any:
    """`tf.clip_by_value`."""
    return ops.clip(t, clip_value_min, clip_value_max)


def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """`tf.where` with three arguments."""
    if x is None or y is None:
        raise InputError("tf.where of a condition alone has no fixed shape; use it with two values")
    return ops.where(condition, _like(x, y), _like(y, x))


def softmax(logits: Any, axis: Any = None, name: Any = None) -> Any:
    """`tf.nn.softmax`."""
    return ops.softmax(logits, axis=-1 if axis is None else axis)


def log_softmax(logits: Any, axis: Any = None, name: Any = None) -> Any:
    """`tf.nn.log_softmax`."""
    return ops.log_softmax(logits, axis=-1 if axis is None else axis)


def leaky_relu(features: Any, alpha: float = 0.2, name: Any = None) -> Any:
    """`tf.nn.leaky_relu`."""
    return ops.leaky_relu(features, negative_slope=alpha)


def gelu(features: Any, approximate: bool = False, name: Any = None) -> Any:
    """`tf.nn.gelu`."""
    return ops.gelu(features, approximate=approximate)


def silu(features: Any, beta: float = 1.0, name: Any = None) -> Any:
    """`tf.nn.silu`."""
    return (
        ops.silu(features)
        if beta == 1
        else ops.multiply(features, ops.sigmoid(ops.multiply(features, beta)))
    )


def relu(
    x: Any = None,
    alpha: float = 0.0,
    max_value: Any = None,
    threshold: float = 0.0,
    name: Any = None,
    features: Any = None,
) -> Any:
    """`tf.nn.relu` and the `relu` of Keras' backend, which has further parameters."""
    x = features if x is None else x
    if not alpha and max_value is None and not threshold:
        return ops.relu(x)
    return keras.layers.ReLU(max_value, alpha, threshold)(x)


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: Any = None, dim: Any = None
) -> Any:
    """`tf.math.l2_normalize`."""
    axis = dim if axis is None else axis
    axis = tuple(axis) if isinstance(axis, list) else axis
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, name: Any = None
) -> Any:
    """`tf.norm` of vectors."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    return ops.norm(tensor, 2 if ord == "euclidean" else ord, axis=axis, keepdims=bool(keepdims))


def _pool(function: Function) -> Function:
    def pool(
        input: Any, ksize: Any, strides: Any, padding: str, data_format: Any = None,
        name: Any = None,
    ) -> Any:  # fmt: skip
        spatial = slice(2, None) if str(data_format).startswith("NC") else slice(1, -1)
        size, step = ([v] if isinstance(v, int) else v for v in (ksize, strides))
        size, step = (v[spatial] if len(v) > 2 else v for v in (size, step))
        order = "channels_first" if str(data_format).startswith("NC") else "channels_last"
        many = len(input.shape) - 2
        size, step = (tuple(v * many if len(v) == 1 else v) for v in (size, step))
        return function(input, size, step, padding.lower(), data_format=order)

    return pool


def resize(
    images: Any, size: Any, method: Any = "bilinear", preserve_aspect_ratio: bool = False,
    antialias: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """`tf.image.resize`."""
    method = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}.get(
        _dtype(method)
    )
    if method is None or preserve_aspect_ratio:
        raise InputError("tf.image.resize by this method can't be expressed; use Resizing")
    return ops.image.resize(images, tuple(size), interpolation=method, antialias=antialias)


def depth_to_space(input: Any, block_size: int, name: Any = None, data_format: str = "NHWC") -> Any:
    """`tf.nn.depth_to_space` of channels last."""
    _, height, width, channels = input.shape
    part = channels // block_size**2
    x = ops.reshape(input, (-1, height, width, block_size, block_size, part))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height * block_size, width * block_size, part))


def space_to_depth(input: Any, block_size: int, name: Any = None, data_format: str = "NHWC") -> Any:
    """`tf.nn.space_to_depth` of channels last."""
    _, height, width, channels = input.shape
    rows, columns = height // block_size, width // block_size
    x = ops.reshape(input, (-1, rows, block_size, columns, block_size, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows, columns, channels * block_size**2))


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """`tf.nn.moments`."""
    return ops.moments(x, axes=tuple(axes), keepdims=keepdims)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float,
    name: Any = None,
) -> Any:  # fmt: skip
    """`tf.nn.batch_normalization`."""
    factor = ops.rsqrt(ops.add(variance, variance_epsilon))
    factor = factor if scale is None else ops.multiply(factor, _like(scale, x))
    y = ops.multiply(ops.subtract(x, _like(mean, x)), factor)
    return y if offset is None else ops.add(y, _like(offset, x))


def bias_add(value: Any, bias: Any, data_format: Any = None, name: Any = None) -> Any:
    """`tf.nn.bias_add`."""
    bias = _like(bias, value)
    if str(data_format).startswith("NC"):
        bias = np.reshape(bias, (-1,) + (1,) * (len(value.shape) - 2))
    return ops.add(value, bias)


def add_n(inputs: Any, name: Any = None) -> Any:
    """`tf.math.add_n`."""
    return sum(inputs[1:], start=inputs[0])


def one_hot(
    indices: Any, depth: int, on_value: Any = None, off_value: Any = None, axis: Any = None,
    dtype: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """`tf.one_hot`."""
    if on_value not in (None, 1) or off_value not in (None, 0):
        raise InputError("tf.one_hot with values of its own can't be expressed; use keras.ops")
    return ops.one_hot(indices, depth, axis=-1 if axis is None else axis, dtype=_dtype(dtype))


def top_k(input: Any, k: int = 1, sorted: bool = True, name: Any = None) -> Any:
    """`tf.math.top_k`."""
    return ops.top_k(input, k, sorted=sorted)


def cumsum(
    x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: Any = None
) -> Any:
    """`tf.math.cumsum`."""
    y = ops.flip(x, axis) if reverse else x
    y = ops.cumsum(y, axis=axis)
    y = ops.flip(y, axis) if reverse else y
    return ops.subtract(y, x) if exclusive else y


def broadcast_to(input: Any, shape: Any, name: Any = None) -> Any:
    """`tf.broadcast_to`."""
    return ops.broadcast_to(input, shape)


def flip(axis: int) -> Function:
    """`tf.image.flip_left_right` and the other."""
    return lambda image, name=None: ops.flip(image, axis)


UNARY = {
    "math.abs": ops.abs, "math.negative": ops.negative, "math.square": ops.square,
    "math.sqrt": ops.sqrt, "math.rsqrt": ops.rsqrt, "math.exp": ops.exp, "math.log": ops.log,
    "math.log1p": ops.log1p, "math.expm1": ops.expm1, "math.sin": ops.sin, "math.cos": ops.cos,
    "math.tan": ops.tan, "math.asin": ops.arcsin, "math.acos": ops.arccos, "math.atan": ops.arctan,
    "math.sinh": ops.sinh, "math.cosh": ops.cosh, "math.tanh": ops.tanh,
    "math.asinh": ops.arcsinh, "math.acosh": ops.arccosh, "math.atanh": ops.arctanh,
    "math.erf": ops.erf, "math.sigmoid": ops.sigmoid, "math.softplus": ops.softplus,
    "math.floor": ops.floor, "math.ceil": ops.ceil, "math.round": ops.round, "math.sign": ops.sign,
    "math.reciprocal": ops.reciprocal, "math.is_nan": ops.isnan, "math.is_inf": ops.isinf,
    "math.is_finite": ops.isfinite, "math.logical_not": ops.logical_not,
    "math.log_sigmoid": ops.log_sigmoid, "nn.relu6": ops.relu6, "nn.elu": ops.elu,
    "nn.selu": ops.selu, "nn.softsign": ops.softsign,
    "zeros_like": ops.zeros_like, "ones_like": ops.ones_like, "stop_gradient": ops.stop_gradient,
    "identity": ops.copy,
}  # fmt: skip
BINARY = {
    "math.add": ops.add, "math.subtract": ops.subtract, "math.multiply": ops.multiply,
    "math.divide": ops.divide, "math.truediv": ops.divide, "math.floordiv": ops.floor_divide,
    "math.floormod": ops.mod, "math.pow": ops.power, "math.maximum": ops.maximum,
    "math.minimum": ops.minimum, "math.atan2": ops.arctan2,
    "math.divide_no_nan": ops.divide_no_nan, "math.greater": ops.greater,
    "math.greater_equal": ops.greater_equal, "math.less": ops.less,
    "math.less_equal": ops.less_equal, "math.equal": ops.equal, "math.not_equal": ops.not_equal,
    "math.logical_and": ops.logical_and, "math.logical_or": ops.logical_or,
    "math.logical_xor": ops.logical_xor,
    "math.squared_difference": lambda x, y: ops.square(ops.subtract(x, y)),
}  # fmt: skip
REDUCTIONS = {
    "math.reduce_sum": ops.sum, "math.reduce_mean": ops.mean, "math.reduce_max": ops.max,
    "math.reduce_min": ops.min, "math.reduce_prod": ops.prod, "math.reduce_any": ops.any,
    "math.reduce_all": ops.all, "math.reduce_logsumexp": ops.logsumexp, "math.reduce_std": ops.std,
    "math.reduce_variance": ops.var,
}  # fmt: skip
SPECIAL: dict[str, Function] = {
    "__operators__.getitem": get_item, "strided_slice": strided_slice, "cast": cast,
    "concat": concat, "stack": stack, "unstack": unstack, "split": split, "reshape": reshape,
    "transpose": transpose, "expand_dims": expand_dims, "squeeze": squeeze,
    "linalg.matmul": matmul, "einsum": einsum, "tensordot": tensordot, "pad": pad, "tile": tile,
    "repeat": repeat, "gather": gather, "clip_by_value": clip_by_value, "where": where,
    "nn.softmax": softmax, "nn.log_softmax": log_softmax, "nn.leaky_relu": leaky_relu,
    "nn.gelu": gelu, "nn.silu": silu, "nn.relu": relu, "math.l2_normalize": l2_normalize,
    "norm": norm, "nn.max_pool2d": _pool(ops.max_pool), "nn.avg_pool2d": _pool(ops.average_pool),
    "image.resize": resize, "nn.depth_to_space": depth_to_space,
    "nn.space_to_depth": space_to_depth, "nn.moments": moments,
    "nn.batch_normalization": batch_normalization, "nn.bias_add": bias_add,
    "math.add_n": add_n, "one_hot": one_hot, "math.top_k": top_k, "math.cumsum": cumsum,
    "math.argmax": _arg(ops.argmax), "math.argmin": _arg(ops.argmin),
    "broadcast_to": broadcast_to, "shape": shape, "reverse": lambda tensor, axis, name=None:
        ops.flip(tensor, tuple(axis)), "image.flip_left_right": flip(-2),
    "image.flip_up_down": flip(-3),
}  # fmt: skip

FUNCTIONS: dict[str, Function] = (
    {name: _unary(function) for name, function in UNARY.items()}
    | {name: _binary(function) for name, function in BINARY.items()}
    | {name: _reduce(function) for name, function in REDUCTIONS.items()}
    | SPECIAL
)
"""By the name under which TensorFlow 2 exports the function."""

ALIASES = {
    "floor_div": "math.floordiv", "floordiv": "math.floordiv",
    "__operators__.floordiv": "math.floordiv",
    "__operators__.add": "math.add", "__operators__.sub": "math.subtract",
    "__operators__.mul": "math.multiply", "__operators__.truediv": "math.truediv",
    "__operators__.eq": "math.equal", "__operators__.ne": "math.not_equal",
    "math.sqrt_v2": "math.sqrt", "math.mod": "math.floormod", "math.swish": "nn.silu",
    "nn.swish": "nn.silu", "nn.sigmoid": "math.sigmoid", "sigmoid": "math.sigmoid",
    "nn.tanh": "math.tanh", "nn.softplus": "math.softplus", "nn.l2_normalize": "math.l2_normalize",
    "linalg.l2_normalize": "math.l2_normalize", "linalg.norm": "norm",
    "linalg.einsum": "einsum", "linalg.tensordot": "tensordot",
    "linalg.matrix_transpose": "transpose", "nn.max_pool": "nn.max_pool2d",
    "nn.avg_pool": "nn.avg_pool2d", "nn.top_k": "math.top_k", "math.softmax": "nn.softmax",
    "space_to_depth": "nn.space_to_depth", "depth_to_space": "nn.depth_to_space",
    "image.resize_images": "image.resize", "math.argmax_v2": "math.argmax",
    "keras.backend.relu": "nn.relu", "keras.activations.relu": "nn.relu",
    "keras.backend.softmax": "nn.softmax", "keras.backend.sigmoid": "math.sigmoid",
    "keras.backend.tanh": "math.tanh", "keras.activations.swish": "nn.silu",
    "keras.activations.softmax": "nn.softmax", "keras.activations.sigmoid": "math.sigmoid",
    "keras.activations.tanh": "math.tanh", "math.log_softmax": "nn.log_softmax",
    "keras.backend.mean": "keras.mean",
}  # fmt: skip
