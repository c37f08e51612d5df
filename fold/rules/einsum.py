"""EinsumDense: the labels of its equation say which axes of the kernel meet which of the tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.layers import EinsumDense

from fold.affine import Affine, Array, CannotFold, Weights
from fold.keras_graph.graph import Call
from fold.rules.table import Edit, absorb_input, absorb_output
from fold.rules.weighted import biased, require_linear, require_plain


@absorb_output.rule(EinsumDense)
def _einsum_output(call: Call, affine: Affine) -> Edit:
    layer = require_linear(call, affine)
    _, kernel_axes, out = _labels(call)
    scale, shift = (_spread(a, out, kernel_axes, call) for a in _arrays(affine))
    bias_axes, config = _bias_axes(layer, out, shift)
    scale_of_kernel = _arrange(scale, out, kernel_axes)
    _bias_shaped(np.zeros(np.broadcast_shapes(scale.shape, shift.shape)), out, bias_axes, call)

    def transform(w: Weights) -> Weights:
        bias = w.get("bias", np.zeros(()))
        aligned = bias.reshape((1,) * (scale.ndim - bias.ndim) + bias.shape)
        new = aligned * scale + shift
        return biased(
            w | {"kernel": w["kernel"] * scale_of_kernel}, _bias_shaped(new, out, bias_axes, call)
        )

    return Edit("output", affine, transform, config)


@absorb_input.rule(EinsumDense)
def _einsum_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    layer = require_plain(call)
    inp, kernel_axes, out = _labels(call)
    if any(c not in kernel_axes for c in inp if c not in out):
        raise CannotFold("unknown_layer", f"'{call.name}' sums over an axis without weights")
    scale, shift = (_spread(a, inp, kernel_axes, call) for a in _arrays(affine))
    by_kernel = [_arrange(a, inp, kernel_axes) for a in (scale, shift)]
    kept = [c for c in inp if c in out]
    if affine.has_shift and any(n > 1 for n, c in zip(shift.shape, inp, strict=True) if c in kept):
        raise CannotFold("axis_mismatch", f"'{call.name}' keeps an axis along which it differs")
    probe = np.zeros([d if c in kernel_axes else 1 for c, d in _sizes(call, out)])
    bias_axes, config = _bias_axes(layer, out, probe + affine.has_shift)
    _bias_shaped(probe, out, bias_axes if affine.has_shift else "", call)

    def transform(w: Weights) -> Weights:
        kernel = w["kernel"]
        summed = tuple(i for i, c in enumerate(kernel_axes) if c not in out)
        added = np.sum(kernel * by_kernel[1], axis=summed)
        left = [c for c in kernel_axes if c in out]
        added = _arrange(added, left, out)
        scaled = w | {"kernel": kernel * by_kernel[0]}
        bias = w.get("bias", np.zeros(())) + added
        return biased(scaled, _bias_shaped(bias, out, bias_axes, call))

    return Edit("input", affine, transform, config if affine.has_shift else {})


def _labels(call: Call) -> tuple[list[str], list[str], list[str]]:
    """Axis labels of one example, the kernel and one result, batch and ellipsis left out."""
    left, out = call.operation.equation.replace(" ", "").split("->")
    inp, kernel = left.split(",")
    if "..." in kernel or (inp[0] != "." and inp[0] != out[0]):
        raise CannotFold("unknown_layer", f"'{call.name}' moves the batch axis")

    def spell(text: str, rank: int) -> list[str]:
        if "." not in text:
            return list(text)
        tail = text.split("...")[-1]
        return [f"#{rank - i}" for i in range(rank - len(tail))] + list(tail)

    return (
        spell(inp, call.input.rank + 1)[1:],
        list(kernel),
        spell(out, call.output.rank + 1)[1:],
    )


def _sizes(call: Call, out: list[str]) -> list[tuple[str, int]]:
    return [(c, d or 1) for c, d in zip(out, call.output.example, strict=True)]


def _arrays(affine: Affine) -> tuple[Array, Array]:
    small = affine.compressed()
    return small.scale, small.shift


def _spread(array: Array, labels: list[str], kernel: list[str], call: Call) -> Array:
    if any(n > 1 and c not in kernel for n, c in zip(array.shape, labels, strict=True)):
        raise CannotFold("axis_mismatch", f"'{call.name}' has no weights along that axis")
    return array


def _arrange(array: Array, labels: list[str], order: list[str]) -> Array:
    """The array with its axes in `order`, 1 where it has no such axis; the others have length 1."""
    present = [c for c in order if c in labels]
    dropped = tuple(i for i, c in enumerate(labels) if c not in order)
    rest = [c for c in labels if c in order]
    moved = np.transpose(np.squeeze(array, dropped), [rest.index(c) for c in present])
    sizes = iter(moved.shape)
    return moved.reshape([next(sizes) if c in present else 1 for c in order])


def _bias_axes(layer: Any, out: list[str], shift: Array) -> tuple[str, dict[str, Any]]:
    """The axes of the bias; a layer without one gets those along which the shift differs."""
    if layer.bias_axes is not None or not np.any(shift):
        return layer.bias_axes or "", {}
    axes = [c for c, n in zip(out, shift.shape, strict=True) if n > 1] or out[-1:]
    if any(c.startswith("#") for c in axes):
        raise CannotFold("axis_mismatch", f"'{layer.name}' can't have a bias along that axis")
    return "".join(axes), {"bias_axes": "".join(axes)}


def _bias_shaped(bias: Array, out: list[str], axes: str, call: Call) -> Array:
    if not axes:
        return bias
    if any(n > 1 and c not in axes for n, c in zip(bias.shape, out, strict=True)):
        raise CannotFold("axis_mismatch", f"'{call.name}' has no bias along that axis")
    full = [d if c in axes else 1 for c, d in _sizes(call, out)]
    first = min(out.index(c) for c in axes)
    return np.broadcast_to(bias, full).reshape(full[first:])
