"""Parallel linear branches -> one convolution (RepVGG, MobileOne, RepViT).

A sum of convolutions of the same tensor, of the tensor itself and of batch norms of it is one
convolution: kernels are added where their taps fall on the same offset.

    tap i of a kernel with dilation d and p zeros in front reads offset i * d - p
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from fold.affine import Affine, Array, CannotFold
from fold.graph import Call, Graph, Value
from fold.plan import Plan
from fold.rules.conv import CONVOLUTIONS, DEPTHWISE, channel_axis
from fold.rules.dense import require_plain
from fold.rules.merge import ADDITIONS
from fold.rules.norm import BATCH_NORMS
from fold.rules.pooling import PADDINGS
from fold.rules.table import Weights


@dataclass(frozen=True, eq=False)
class Branch:
    """One linear way from `source` to the sum: a convolution, or an affine of the tensor itself.

    `lowest` and `highest` are the offsets of the first and last tap per spatial axis; `extent`
    says how many outputs there are: `floor((n - 1 + extent) / stride) + 1` for n inputs.
    """

    source: Value
    calls: tuple[Call, ...]
    conv: Call | None
    affine: Affine | None
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    extent: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Merged:
    """A sum that becomes one convolution with `size` taps and `pads` zeros per spatial axis."""

    total: Call
    branches: tuple[Branch, ...]
    template: Call
    lowest: tuple[int, ...]
    size: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    def weights(self, plan: Plan) -> Weights:
        """The float64 kernel and bias."""
        parts = [self._part(branch, plan) for branch in self.branches]
        kernel, bias = (np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True))
        return {"kernel": kernel, "bias": bias}

    def _part(self, branch: Branch, plan: Plan) -> tuple[Array, Array]:
        layer: Any = self.template.operation
        axis = channel_axis(layer)
        filters = self.total.output.example[axis]
        if branch.conv is not None:
            w = plan.weights(branch.conv)
            kernel, bias = w["kernel"], w.get("bias", np.zeros(filters))
        else:
            affine = branch.affine or Affine.identity(branch.source.rank)
            scale, bias = affine.along(axis, filters)
            kernel = _diagonal(layer, scale)
        whole = np.zeros((*self.size, *kernel.shape[len(self.size) :]))
        starts = [
            (low - first) // d
            for low, first, d in zip(branch.lowest, self.lowest, layer.dilation_rate, strict=True)
        ]
        taps = tuple(slice(i, i + n) for i, n in zip(starts, kernel.shape, strict=False))
        whole[taps] = kernel
        return whole, bias

    def calls(self) -> list[Call]:
        """What stands in the graph in place of the branches and their sum."""
        config = self.template.operation.get_config()
        config |= {"kernel_size": self.size, "use_bias": True, "padding": self._padding()}
        source, calls = self.branches[0].source, []
        if config["padding"] == "valid" and any(self.pads):
            calls.append(self._zero_padding(source))
            source = calls[-1].output
        layer = type(self.template.operation).from_config(config)
        total = self.total
        return [*calls, Call(layer, (source,), {}, total.outputs, total.scope)]

    def _padding(self) -> str:
        layer: Any = self.template.operation
        lengths = _space(self.branches[0].source, layer)
        axes = zip(self.size, layer.strides, layer.dilation_rate, lengths, strict=True)
        same = [_same(k, s, d, n) for k, s, d, n in axes]
        return "same" if same == list(self.pads) and any(map(any, self.pads)) else "valid"

    def _zero_padding(self, source: Value) -> Call:
        layer: Any = self.template.operation
        rank = len(self.size)
        pads = self.pads if rank > 1 else self.pads[0]
        name = f"{layer.name}_pad"
        kind = PADDINGS[rank - 1]
        new = kind(pads, data_format=layer.data_format, name=name, dtype=layer.dtype_policy)
        shape = new.compute_output_shape(source.shape)
        return Call(new, (source,), {}, (Value(shape, source.dtype),), self.total.scope)


def _diagonal(layer: Any, scale: Array) -> Array:
    """The one-tap kernel that multiplies each channel by its scale."""
    rank = len(layer.kernel_size)
    if type(layer) in DEPTHWISE:
        return scale.reshape((1,) * rank + (-1, 1))
    width, channel = scale.size // layer.groups, np.arange(scale.size)
    kernel = np.zeros((width, scale.size))
    kernel[channel % width, channel] = scale
    return kernel.reshape((1,) * rank + kernel.shape)


def _space(value: Value, layer: Any) -> tuple[int | None, ...]:
    """Lengths of the spatial axes."""
    return value.example[1:] if channel_axis(layer) == 0 else value.example[:-1]


def _same(taps: int, stride: int, dilation: int, length: int | None) -> tuple[int, int] | None:
    """Zeros that padding='same' puts before and after an axis; None where that is unknown."""
    reach = (taps - 1) * dilation
    if stride > 1:
        if length is None:
            return None
        reach = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
    return reach // 2, reach - reach // 2


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
    if conv is None or len(plan.graph.calls_of[conv.operation]) > 1:
        none = (0,) * (value.rank - 1)
        return Branch(value, tuple(calls), None, None, none, none, none)
    padding = producer(conv.input, *PADDINGS)
    source = padding.input if padding else conv.input
    calls += [conv, padding] if padding else [conv]
    return Branch(source, tuple(calls), conv, None, *_reach(conv, padding))


def _reach(conv: Call, padding: Call | None) -> tuple[tuple[int, ...], ...]:
    """Per spatial axis: offset of the first tap, of the last one, and the extent."""
    layer: Any = conv.operation
    pads = [(0, 0)] * len(layer.kernel_size)
    if padding is not None:
        given = padding.operation.padding
        pads = [tuple(p) for p in given] if len(pads) > 1 else [tuple(given)]
    reaches = []
    lengths = _space(conv.input, layer)
    axes = zip(layer.kernel_size, layer.strides, layer.dilation_rate, lengths, pads, strict=True)
    for k, s, d, n, (before, after) in axes:
        own = {"valid": (0, 0), "causal": ((k - 1) * d, 0)}.get(layer.padding, _same(k, s, d, n))
        if own is None:
            raise CannotFold("padding", f"'{conv.name}' pads a length that is unknown")
        before, after = before + own[0], after + own[1]
        reaches.append((-before, (k - 1) * d - before, after - (k - 1) * d + before))
    return tuple(zip(*reaches, strict=True))


def _merged(plan: Plan, total: Call, branches: tuple[Branch, ...]) -> Merged:
    convs = [branch.conv for branch in branches if branch.conv is not None]
    if not convs or len(branches) < 2 or len({branch.source for branch in branches}) > 1:
        raise CannotFold("unknown_layer", f"'{total.name}' does not add branches of one tensor")
    template = max(convs, key=lambda call: np.prod(call.operation.kernel_size))
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
    lengths = _space(branches[0].source, layer)
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
