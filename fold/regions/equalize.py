"""Chooses the free scale of every channel so that 8 bits lose least (after Nagel et al., 2019).

One range serves all channels of a tensor, and one all that an output channel of a kernel reads, so
channels of unequal range waste both. Equal ranges of a tensor can mean unequal ones of the kernel
that reads it; how far to go is chosen by an estimate of the noise that both leave.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers

from fold.affine import Affine, Array, FoldError
from fold.keras_graph.functional import as_functional
from fold.keras_graph.graph import Call, Value
from fold.keras_graph.internals import ops
from fold.keras_graph.read import read_graph
from fold.keras_graph.undisturbed import undisturbed
from fold.rebuild.clone import CannotWrite
from fold.rebuild.write import write_model
from fold.regions.channel_scales import ChannelScales
from fold.regions.class_ranges import Reader, Tensor, choose
from fold.regions.observe import Observed, observe
from fold.rules import absorb_input, absorb_output, known_types
from fold.rules.conv import CONVOLUTIONS, DEPTHWISE
from fold.rules.elementwise import RELUS
from fold.search.plan import Plan

MARGIN = 2.0
BOUNDED = (layers.ReLU, layers.Activation, ops.nn.Relu6)


def equalize(model: keras.Model, data: Iterable[Any]) -> keras.Model:
    """A model that computes the same, whose channels have ranges that suit quantization.

    A channel passes a ReLU with a bound, as ReLU6 is, if it stays below half of that on `data`, and
    is not brought above half; beyond that the new model differs where the bound was met.

    Args:
        model: a built Keras model, best without batch norms. It is not changed.
        data: representative batches of inputs, each as the model takes it.

    Returns:
        A new Functional model; names, inputs and outputs are the same.

    Raises:
        FoldError: the model was never built or can't be rebuilt.
    """
    with undisturbed(model):
        try:
            return _equalized(as_functional(model), data)
        except CannotWrite as error:
            raise FoldError(str(error)) from error


def _equalized(model: keras.Model, data: Iterable[Any]) -> keras.Model:
    plan = Plan.of(read_graph(model, known_types()), {})
    observed = observe(plan, model, data)
    scales = ChannelScales(plan, lambda call: _below(call, observed))
    values = [v for v in observed if np.any(scales.of(v))]
    chosen = choose(
        scales.count,
        [_tensor(plan, scales, v, observed[v]) for v in values],
        [reader for call in plan.graph.calls for reader in _readers(plan, scales, call, observed)],
        _caps(plan, scales, observed),
    )
    tensors = {value for call in plan.graph.calls for value in call.outputs}
    _apply(plan, {v: s for v in tensors if np.any((s := chosen[scales.of(v)]) != 1)})
    return write_model(plan, model)


def bound_of(call: Call) -> float | None:
    """Where a ReLU stops to grow; None for everything else."""
    operation: Any = call.operation
    if type(operation) is layers.ReLU and not operation.threshold:
        return None if operation.max_value is None else float(operation.max_value)
    named = type(operation) is layers.Activation and operation.activation is keras.activations.relu6
    return 6.0 if named or type(operation) is ops.nn.Relu6 else None


def _below(call: Call, observed: dict[Value, Observed]) -> Array | None:
    bound = bound_of(call)
    if bound is None or call.input not in observed:
        return None
    return observed[call.input].highest * MARGIN < bound


def _caps(plan: Plan, scales: ChannelScales, observed: dict[Value, Observed]) -> Array:
    """The largest scale of each class."""
    caps = np.full(scales.count, np.inf)
    for call in plan.graph.calls:
        if (bound := bound_of(call)) is not None and call.input in observed:
            highest = np.maximum(observed[call.input].highest, 1e-12)
            classes, limit = np.broadcast_arrays(scales.of(call.input), bound / MARGIN / highest)
            np.minimum.at(caps, classes.ravel(), limit.ravel())
    return caps


def _tensor(plan: Plan, scales: ChannelScales, value: Value, seen: Observed) -> Tensor:
    """Its classes and ranges; one that only activations read is never rounded."""
    readers = plan.graph.read_by(value)
    fused = bool(readers) and all(type(c.operation) in (*RELUS, *BOUNDED) for c in readers)
    classes, peak = np.broadcast_arrays(scales.of(value), seen.peak)
    return Tensor(classes.ravel(), peak.ravel(), not fused)


def _readers(
    plan: Plan, scales: ChannelScales, call: Call, observed: dict[Value, Observed]
) -> list[Reader]:
    """The kernel of a convolution or Dense as a matrix from input channels to outputs."""
    kind = type(call.operation)
    if kind not in (*CONVOLUTIONS, *DEPTHWISE, layers.Dense) or call.input not in observed:
        return []
    if getattr(call.operation, "groups", 1) > 1 or not np.any(scales.of(call.input)):
        return []
    kernel = plan.weights(call)["kernel"]
    axis = kernel.ndim - 2
    rows = np.moveaxis(kernel, axis, 0)
    classes, power = np.broadcast_arrays(scales.of(call.input), observed[call.input].power)
    if classes.size != len(rows):
        return []
    own = kind in DEPTHWISE
    return [
        Reader(classes.ravel(), power.ravel(), rows.reshape(len(rows), -1, rows.shape[-1]), own)
    ]


def _apply(plan: Plan, scales: dict[Value, Array]) -> None:
    """Lets weights and affines at both ends of each class take its scale in."""
    for call in plan.graph.calls:
        inputs = {v: scales[v] for v in dict.fromkeys(call.inputs) if v in scales}
        output = scales.get(call.outputs[0])
        if call in plan.affines:
            affine = plan.affines[call]
            if output is not None and affine.has_shift:
                plan.affines[call] = Affine(
                    *np.broadcast_arrays(affine.scale, affine.shift * output)
                )
            continue
        edits = []
        if absorb_input.answers(call):
            for value, scale in inputs.items():
                at = tuple(i for i, v in enumerate(call.inputs) if v is value)
                edits.append(absorb_input(call, _scale(1 / scale), at))
        if absorb_output.answers(call) and output is not None:
            edits.append(absorb_output(call, _scale(output)))
        if edits:
            plan.edits[call] = tuple(edits)


def _scale(scale: Array) -> Affine:
    return Affine(scale, np.zeros_like(scale))
