"""What the `call` of a composite layer does, as a graph that is proved to compute the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional
from keras.src.ops.numpy import Reshape

from fold.affine import Shape
from fold.keras_graph.copy_layers import LayerCopies
from fold.keras_graph.graph import Value

FREE_LENGTHS = ((8, 12), (32, 48), (64, 96), (3, 5))
"""Lengths to try for axes that are free, for the two runs of a proof."""


def expand(
    layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], prove: bool = True
) -> tuple[Functional | None, str]:
    """The graph of one call of a composite layer, or None and why it has none.

    Weights that the call reads itself stand in it as constants.
    """
    if type(layer).compute_mask is not keras.Layer.compute_mask:
        return None, "it computes masks"
    floats = [v.dtype for v in _values(args, kwargs) if keras.backend.is_float_dtype(v.dtype)]
    if any(dtype != layer.compute_dtype for dtype in floats):
        return None, "it casts its inputs"
    try:
        function = _traced(layer, args, kwargs)
    except Exception as error:
        return None, f"its call can't be traced ({type(error).__name__})"
    if not prove:
        return function, ""
    try:
        return (function, "") if _proved(layer, args, kwargs) else (None, "its trace differs")
    except Exception as error:
        return None, f"its trace can't be checked ({type(error).__name__})"


def _values(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Value]:
    return (leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Value))


def _traced(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Functional:
    inputs: list[keras.KerasTensor] = []

    def enter(leaf: Any) -> Any:
        if not isinstance(leaf, Value):
            return leaf
        inputs.append(keras.Input(batch_shape=leaf.shape, dtype=leaf.dtype))
        return inputs[-1]

    args, kwargs = keras.tree.map_structure(enter, (args, kwargs))
    if layer._call_has_training_arg:
        kwargs.setdefault("training", False)
    function = Functional(inputs, _python_call(layer)(*args, **kwargs))
    for operation in function._operations:
        if type(operation) is Reshape and None in operation.newshape:
            operation.newshape = _free_batch(operation)
    return function


def _free_batch(operation: Reshape) -> tuple[int | None, ...]:
    """The shape with -1 for a batch size that the call read from a tensor: it is None in a trace.

    Where there is a -1 already, its length has to be known.
    """
    lengths = zip(operation.newshape, operation.output.shape, strict=True)
    return tuple(-1 if n is None else known if n == -1 else n for n, known in lengths)


def _python_call(layer: keras.Layer) -> Any:
    """The layer's `call`, without a `tf.function` around it, which takes no symbolic tensors."""
    inner = getattr(type(layer).call, "python_function", None)
    return layer.call if inner is None else inner.__get__(layer)


def _proved(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a copy of the layer and its trace agree on random inputs of two sizes.

    A layer that changes its state has no trace that does.
    """
    copy = LayerCopies().copy(layer)
    function = _traced(copy, args, kwargs)
    before = [v.numpy() for v in copy.non_trainable_variables]
    free = any(None in v.shape[1:] for v in _values(args, kwargs))
    for lengths in FREE_LENGTHS if free else FREE_LENGTHS[:1]:
        runs = [_example(args, kwargs, batch, n) for batch, n in zip((2, 3), lengths, strict=True)]
        try:
            wanted = [copy(*given[0], **given[1]) for given, _ in runs]
        except Exception:
            if lengths is FREE_LENGTHS[-1] or not free:
                raise
            continue
        got = [function(tensors) for _, tensors in runs]
        after = [v.numpy() for v in copy.non_trainable_variables]
        return _agree((before, wanted), (after, got))
    return False


def _example(
    args: tuple[Any, ...], kwargs: dict[str, Any], batch: int, length: int
) -> tuple[Any, list[Any]]:
    """The arguments with random tensors, and the list of these."""
    rng = np.random.default_rng(batch)
    drawn: list[Any] = []

    def draw(leaf: Any) -> Any:
        if not isinstance(leaf, Value):
            return leaf
        shape = _filled(leaf.shape, batch, length)
        floating = keras.backend.is_float_dtype(leaf.dtype)
        numbers = rng.normal(size=shape) if floating else rng.integers(0, 2, shape)
        drawn.append(keras.ops.cast(numbers, leaf.dtype))
        return drawn[-1]

    return keras.tree.map_structure(draw, (args, kwargs)), drawn


def _filled(shape: Shape, batch: int, length: int) -> list[int]:
    first, *rest = shape
    return [first or batch, *(n or length for n in rest)]


def _agree(wanted: Any, got: Any) -> bool:
    keras.tree.assert_same_structure(wanted, got)
    return all(
        _close(np.asarray(a), np.asarray(b))
        for a, b in zip(keras.tree.flatten(wanted), keras.tree.flatten(got), strict=True)
    )


def _close(wanted: np.ndarray, got: np.ndarray) -> bool:
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return False
    if wanted.dtype.kind in "iub":
        return np.array_equal(wanted, got)
    digits = {2: 1e-2, 4: 3e-4, 8: 1e-8}[wanted.dtype.itemsize]
    a, b = wanted.astype("float64"), got.astype("float64")
    size = np.max(np.abs(a[np.isfinite(a)]), initial=0.0)
    return np.allclose(b, a, rtol=0, atol=digits * (size + 1e-6), equal_nan=True)
