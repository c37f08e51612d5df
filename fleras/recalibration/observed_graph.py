"""What every batch norm of a model sees, as tensors of one graph that can be run in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization
from fleras.keras_internals import all_layers
from fleras.numerics.axes import Axes
from fleras.numerics.masking import aligned_mask

KINDS = (keras.layers.BatchNormalization, BatchNormalization)
PARTS = 4


def batch_norms(model: keras.Model) -> list[keras.layers.Layer]:
    """Every batch norm of the model, those of nested models and layers too."""
    return [layer for layer in all_layers(model) if isinstance(layer, KINDS)]


@dataclass(frozen=True)
class Call:
    """One call of a batch norm in the graph: its input, its output and the sums over the input."""

    layer: keras.layers.Layer
    x: tf.Tensor
    y: tf.Tensor
    sums: tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class Recording:
    """The inference graph of a model for inputs like the given ones.

    Args:
        model: a built model of any kind.
        inputs: the inputs of one batch.

    Raises:
        ValueError: a batch norm is called inside a loop of the graph, where it can't be observed.
    """

    def __init__(self, model: keras.Model, inputs: Any) -> None:
        self._calls: list[Call] = []
        specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in keras.tree.flatten(inputs)]

        def run(*tensors: tf.Tensor) -> list[tf.Tensor]:
            with self._observed(batch_norms(model)):
                model(keras.tree.pack_sequence_as(inputs, tensors), training=False)
            return list(tensors)

        with _inlined_functions():
            self._function = tf.compat.v1.wrap_function(run, specs)
        self._feeds = self._function.inputs[: len(specs)]
        for call in self._calls:
            if call.x.graph is not self._function.graph:
                raise ValueError(
                    f"Batch norm '{call.layer.name}' is called inside a loop of the graph (for "
                    "example by TimeDistributed over unknown time steps), where its inputs can't "
                    "be observed. Give that axis a fixed size."
                )

    @contextmanager
    def _observed(self, layers: Sequence[keras.layers.Layer]) -> Iterator[None]:
        with ExitStack() as stack:
            for layer in layers:
                stack.callback(delattr, layer, "call")
                layer.call = self._observer(layer, layer.call)
            yield

    def _observer(self, layer: keras.layers.Layer, call: Any) -> Any:
        def observed(inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> Any:
            x = tf.identity(inputs)
            y = tf.identity(call(x, training=training, mask=mask))
            self._calls.append(Call(layer, x, y, _sums(layer, x, mask)))
            return y

        return observed

    @cached_property
    def levels(self) -> list[list[keras.layers.Layer]]:
        """The called batch norms, each after those that its input depends on.

        Raises:
            ValueError: a batch norm's input depends on its own output.
        """
        return _levels({call.layer: self._before(call.layer) for call in self._calls})

    def _before(self, layer: keras.layers.Layer) -> set[keras.layers.Layer]:
        """The batch norms that a layer's inputs come from, directly."""
        outputs = {call.y.op: call.layer for call in self._calls}
        pending = [t.op for call in self._calls if call.layer is layer for t in call.sums]
        seen, found = set(), set()
        while pending:
            op = pending.pop()
            if op in outputs:
                found.add(outputs[op])
            elif op not in seen:
                seen.add(op)
                pending += [*(t.op for t in op.inputs), *op.control_inputs]
        return found

    def sums(self, level: int, inputs: Any) -> list[tuple[keras.layers.Layer, list[np.ndarray]]]:
        """Each call of the batch norms of a level, with its sums over a batch."""
        calls, function = self._parts[level * len(self._parts) // len(self.levels)]
        results = function(*keras.tree.flatten(inputs))
        layers = self.levels[level]
        return [
            (call.layer, [tensor.numpy() for tensor in sums])
            for call, sums in zip(calls, results, strict=True)
            if call.layer in layers
        ]

    @cached_property
    def _parts(self) -> list[tuple[list[Call], Any]]:
        """A few functions that run only up to some level: pruning takes longer than a batch."""
        count = min(PARTS, len(self.levels))
        parts = []
        for part in range(count):
            within = range(len(self.levels))
            layers = [x for i in within if i * count // len(within) == part for x in self.levels[i]]
            calls = [call for call in self._calls if call.layer in layers]
            function = self._function.prune(self._feeds, [call.sums for call in calls])
            parts.append((calls, function))
        return parts


class Recordings:
    """The recordings of a model, one for each shape of its inputs."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._made: dict[Any, Recording] = {}

    def of(self, inputs: Any) -> Recording:
        """The recording for inputs of these shapes."""
        shapes = tuple((*x.shape[1:], x.dtype) for x in keras.tree.flatten(inputs))
        if shapes not in self._made:
            self._made[shapes] = Recording(self._model, inputs)
        return self._made[shapes]


def _sums(layer: keras.layers.Layer, inputs: tf.Tensor, mask: Any) -> tuple[tf.Tensor, ...]:
    """Count, mean and sum of squared deviations, in float64."""
    x = tf.cast(inputs, tf.float64)
    axes = Axes.of(layer.axis, x.shape).reduced
    weight = tf.ones_like(x)
    if mask is not None:
        weight *= tf.cast(aligned_mask(mask, x), tf.float64)
    count = tf.reduce_sum(weight, axes, keepdims=True)
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(tf.math.multiply_no_nan(x, weight), axes, keepdims=True), count
    )
    deviation = tf.math.multiply_no_nan(x - mean, weight)
    shape = layer.moving_mean.shape
    squares = tf.reduce_sum(tf.square(deviation), axes)
    return tf.reshape(count, shape), tf.reshape(mean, shape), tf.reshape(squares, shape)


def _levels(before: dict[Any, set[Any]]) -> list[list[Any]]:
    levels: list[list[Any]] = []
    done: set[Any] = set()
    while len(done) < len(before):
        ready = [layer for layer in before if layer not in done and before[layer] <= done]
        if not ready:
            names = sorted(layer.name for layer in before if layer not in done)
            raise ValueError(
                "No statistics are exact for a batch norm whose input depends on its own output. "
                f"Received a model where this holds within: {names}"
            )
        levels.append(ready)
        done.update(ready)
    return levels


@contextmanager
def _inlined_functions() -> Iterator[None]:
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)
