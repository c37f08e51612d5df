"""A sum of parallel linear branches, and the one convolution that computes it.

tap i of a kernel with dilation d and p zeros in front reads offset i * d - p
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fold.affine import Affine, Array, Weights
from fold.keras_graph.graph import Call, Value
from fold.rules.conv import DEPTHWISE, channel_axis
from fold.rules.pooling import PADDINGS
from fold.search.plan import Plan


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
        lengths = space(self.branches[0].source, layer)
        axes = zip(self.size, layer.strides, layer.dilation_rate, lengths, strict=True)
        same = [same_padding(k, s, d, n) for k, s, d, n in axes]
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


def space(value: Value, layer: Any) -> tuple[int | None, ...]:
    """Lengths of the spatial axes."""
    return value.example[1:] if channel_axis(layer) == 0 else value.example[:-1]


def same_padding(
    taps: int, stride: int, dilation: int, length: int | None
) -> tuple[int, int] | None:
    """Zeros that padding='same' puts before and after an axis; None where that is unknown."""
    span = (taps - 1) * dilation
    if stride > 1:
        if length is None:
            return None
        span = max((-(-length // stride) - 1) * stride + span + 1 - length, 0)
    return span // 2, span - span // 2
