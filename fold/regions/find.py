"""Finds parallel linear branches that are one convolution (RepVGG, MobileOne, RepViT).

A sum of convolutions of the same tensor, of the tensor itself and of batch norms of it is one
convolution: kernels are added where their taps fall on the same offset.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from fold.affine import CannotFold
from fold.keras_graph.graph import Call, Graph, Value
from fold.regions.merge import Branch, Merged, same_padding, space
from fold.rules.affines import BATCH_NORMS
from fold.rules.conv import CONVOLUTIONS, DEPTHWISE, channel_axis
from fold.rules.merge import ADDITIONS
from fold.rules.pooling import PADDINGS
from fold.rules.weighted import require_plain
from fold.search.plan import Plan


def find_sums(plan: Plan) -> list[Merged]:
    """Every sum in the graph that can become one convolution."""
    found = []
    for call in plan.graph.calls:
        if type(call.operation) in ADDITIONS and call not in plan.frozen:
            try:
                branches = tuple(_branch(plan, value, call) for value in call.inputs)
                found.append(_merged(plan, call, branches))
            except CannotFold:
                continue
    return found


def without_sums(graph: Graph, sums: list[Merged]) -> Graph:
    """The graph with each of these sums and its branches replaced."""
    gone = {call for merged in sums for branch in merged.branches for call in branch.calls}
    made = {merged.total: merged.calls() for merged in sums}
    calls = [new for call in graph.calls if call not in gone for new in made.get(call, [call])]
    return replace(graph, calls=tuple(calls))


def _branch(plan: Plan, value: Value, total: Call) -> Branch:
    """Follows one input of the sum back over what only this sum reads."""
    calls: list[Call] = []

    def producer(value: Value, *types: type) -> Call | None:
        call = plan.graph.producer.get(value)
        private = len(plan.graph.read_by(value)) == 1 and value not in plan.graph.results
        return call if call and private and type(call.operation) in types else None

    while (norm := producer(value, *BATCH_NORMS)) and norm in plan.affines:
        calls.append(norm)
        value = norm.input
        if not plan.affines[norm].is_identity:
            none = (0,) * (value.rank - 1)
            return Branch(value, tuple(calls), None, plan.affines[norm], none, none, none)
    conv = producer(value, *CONVOLUTIONS, *DEPTHWISE)
    if conv is None or conv in plan.frozen or len(plan.graph.calls_of[conv.operation]) > 1:
        none = (0,) * (value.rank - 1)
        return Branch(value, tuple(calls), None, None, none, none, none)
    padding = producer(conv.input, *PADDINGS)
    source = padding.input if padding else conv.input
    calls += [conv, padding] if padding else [conv]
    return Branch(source, tuple(calls), conv, None, *_offsets(conv, padding))


def _offsets(conv: Call, padding: Call | None) -> tuple[tuple[int, ...], ...]:
    """Per spatial axis: offset of the first tap, of the last one, and the extent."""
    layer: Any = conv.operation
    pads = [(0, 0)] * len(layer.kernel_size)
    if padding is not None:
        given = padding.operation.padding
        pads = [tuple(p) for p in given] if len(pads) > 1 else [tuple(given)]
    offsets = []
    lengths = space(conv.input, layer)
    axes = zip(layer.kernel_size, layer.strides, layer.dilation_rate, lengths, pads, strict=True)
    for k, s, d, n, (before, after) in axes:
        own = {"valid": (0, 0), "causal": ((k - 1) * d, 0)}.get(
            layer.padding, same_padding(k, s, d, n)
        )
        if own is None:
            raise CannotFold("padding", f"'{conv.name}' pads a length that is unknown")
        before, after = before + own[0], after + own[1]
        offsets.append((-before, (k - 1) * d - before, after - (k - 1) * d + before))
    return tuple(zip(*offsets, strict=True))


def _merged(plan: Plan, total: Call, branches: tuple[Branch, ...]) -> Merged:
    convs = [branch.conv for branch in branches if branch.conv is not None]
    if not convs or len(branches) < 2 or len({branch.source for branch in branches}) > 1:
        raise CannotFold("unknown_layer", f"'{total.name}' does not add branches of one tensor")
    template = max(convs, key=lambda call: np.prod(call.operation.kernel_size))
    if any(call.masked for branch in branches for call in branch.calls):
        raise CannotFold("mask", f"'{total.name}' adds branches that a mask goes through")
    layer: Any = require_plain(template)
    _require_alike(total, branches, layer)
    lowest = tuple(min(b) for b in zip(*(b.lowest for b in branches), strict=True))
    highest = tuple(max(b) for b in zip(*(b.highest for b in branches), strict=True))
    size = tuple(
        (high - low) // d + 1
        for low, high, d in zip(lowest, highest, layer.dilation_rate, strict=True)
    )
    extent = next(branch.extent for branch in branches if branch.conv is template)
    pads = tuple((-low, high + e) for low, high, e in zip(lowest, highest, extent, strict=True))
    if any(min(pad) < 0 for pad in pads):
        raise CannotFold("padding", f"'{total.name}' adds branches that crop")
    return Merged(total, branches, template, lowest, size, pads)


def _require_alike(total: Call, branches: tuple[Branch, ...], layer: Any) -> None:
    """Refuses branches that differ in kind, strides, groups, dilation or number of outputs."""
    channels = branches[0].source.example[channel_axis(layer)]
    lengths = space(branches[0].source, layer)
    alike = all(
        v.shape == total.output.shape and v.dtype == total.output.dtype for v in total.inputs
    )
    for branch in branches:
        if branch.conv is None:
            alike &= set(layer.strides) == {1}
            alike &= total.output.example[channel_axis(layer)] == channels
        else:
            alike &= _alike(require_plain(branch.conv), layer)
        offsets = zip(branch.lowest, branches[0].lowest, layer.dilation_rate, strict=True)
        alike &= all((a - b) % d == 0 for a, b, d in offsets)
        counts = zip(branch.extent, branches[0].extent, layer.strides, lengths, strict=True)
        alike &= all(
            a == b or (n and (n - 1 + a) // s == (n - 1 + b) // s) for a, b, s, n in counts
        )
    if not alike:
        raise CannotFold("unknown_layer", f"'{total.name}' adds branches of different kinds")


def _alike(layer: Any, other: Any) -> bool:
    steps = zip(layer.kernel_size, layer.dilation_rate, other.dilation_rate, strict=True)
    names = ("strides", "groups", "data_format", "depth_multiplier", "dtype_policy")
    return (
        type(layer) is type(other)
        and layer.activation is keras.activations.linear
        and all(getattr(layer, name, 1) == getattr(other, name, 1) for name in names)
        and all(k == 1 or a == b for k, a, b in steps)
    )
