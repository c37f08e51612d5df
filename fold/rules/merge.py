"""Layers that join several tensors: sums, products, maxima and concatenations."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from keras import layers

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call
from fold.keras_graph.internals import ops
from fold.rules.passing import Balance, Given, fitting, require_no_shift, require_not_negative
from fold.rules.table import pull, push

ADDITIONS = (layers.Add, ops.numpy.Add)
SUMS = (layers.Add, layers.Average, layers.Subtract, ops.numpy.Add, ops.numpy.Subtract)
PRODUCTS = (layers.Multiply, ops.numpy.Multiply)
CONCATENATIONS = (layers.Concatenate, ops.numpy.Concatenate)


def _coefficients(call: Call) -> list[float]:
    """The c in `sum of c_i * x_i`; refuses an input that is read twice."""
    n = len(call.inputs)
    if n < 2 or len(set(call.inputs)) != n:
        raise CannotFold("read_elsewhere", f"'{call.name}' does not add different tensors")
    if isinstance(call.operation, layers.Subtract | ops.numpy.Subtract):
        return [1.0, -1.0]
    return [1.0 / n if isinstance(call.operation, layers.Average) else 1.0] * n


@pull.rule(*SUMS)
def _sum_pull(call: Call, affine: Affine) -> list[tuple[Affine, ...]]:
    """The scale on every input, the shift on any one of them."""
    c = _coefficients(call)
    scale = affine.scale_only()
    if not affine.has_shift:
        return [tuple(fitting(call, i, scale) for i in range(len(c)))]
    return [
        tuple(
            _share(call, j, affine, c[j]) if j == i else fitting(call, j, scale)
            for j in range(len(c))
        )
        for i in range(len(c))
    ]


def _share(call: Call, position: int, affine: Affine, coefficient: float) -> Affine:
    return fitting(call, position, Affine(affine.scale, affine.shift / coefficient))


@push.rule(*SUMS)
def _sum_push(call: Call, given: Given) -> list[Balance]:
    """With s * x + d on some inputs, the others are divided by s; the shift goes either way."""
    c = _coefficients(call)
    carried = [a for a in given if a is not None]
    scale = carried[0].scale_only()
    if not all(a.scale_only().equals(scale) for a in carried):
        raise CannotFold("read_elsewhere", f"'{call.name}' adds tensors with different scales")
    shift = sum(k * a.shift for k, a in zip(c, given, strict=True) if a is not None)
    total = Affine(scale.scale, np.asarray(shift))
    free = [i for i, a in enumerate(given) if a is None]
    undo = scale.inverse() if free and scale.has_scale else None
    balances = [Balance(tuple(None if i not in free else undo for i in range(len(c))), total)]
    if total.has_shift:
        handed = [_handed(call, i, c[i], total) for i in free]
        balances += [
            Balance(
                tuple(
                    handed[free.index(i)] if i == j else undo if i in free else None
                    for i in range(len(c))
                ),
                scale,
            )
            for j in free
        ]
    return balances


def _handed(call: Call, position: int, coefficient: float, total: Affine) -> Affine:
    """What another input must become so that it carries the shift of the whole sum."""
    undo = total.scale_only().inverse()
    shift = undo.scale * total.shift / coefficient
    return Affine(*np.broadcast_arrays(undo.scale, shift))


@pull.rule(*PRODUCTS)
def _product_pull(call: Call, affine: Affine) -> list[tuple[Affine, ...]]:
    """The scale on any one factor."""
    require_no_shift(call, affine)
    _require_factors(call)
    alternatives = []
    for i in range(len(call.inputs)):
        others = [Affine.identity(v.rank) for v in call.inputs]
        try:
            others[i] = fitting(call, i, affine)
        except CannotFold:
            continue
        alternatives.append(tuple(others))
    return alternatives


@push.rule(*PRODUCTS)
def _product_push(call: Call, given: Given) -> list[Balance]:
    _require_factors(call)
    scale = Affine.identity(call.output.rank)
    for affine in given:
        if affine is not None:
            require_no_shift(call, affine)
            if affine.rank != scale.rank:
                raise CannotFold("axis_mismatch", f"'{call.name}' broadcasts its inputs")
            scale = scale.after(affine)
    return [Balance((None,) * len(given), scale)]


def _require_factors(call: Call) -> None:
    if len(call.inputs) < 2 or len(set(call.inputs)) != len(call.inputs):
        raise CannotFold("activation_between", f"'{call.name}' does not multiply different tensors")
    if call.masked and isinstance(call.operation, layers.Multiply):
        raise CannotFold("mask", f"'{call.name}' multiplies by 1 where a mask hides a factor")


@pull.rule(layers.Maximum, layers.Minimum)
def _maximum_pull(call: Call, affine: Affine) -> list[tuple[Affine, ...]]:
    """`s * max(x, y) + d = max(s * x + d, s * y + d)` for s >= 0."""
    require_not_negative(call, affine)
    return [tuple(fitting(call, i, affine) for i in range(len(call.inputs)))]


@push.rule(layers.Maximum, layers.Minimum)
def _maximum_push(call: Call, given: Given) -> list[Balance]:
    first = next(a for a in given if a is not None)
    require_not_negative(call, first)
    if any(a is not None and not a.equals(first) for a in given):
        raise CannotFold("read_elsewhere", f"'{call.name}' joins tensors with different scales")
    undo = first.inverse() if None in given else None
    return [Balance(tuple(undo if a is None else None for a in given), first)]


def _concatenated_axis(call: Call) -> int:
    operation: Any = call.operation
    axis: int = operation.axis % len(call.output.shape)
    if axis == 0:
        raise CannotFold("axis_mismatch", f"'{call.name}' joins different examples")
    return axis - 1


@pull.rule(*CONCATENATIONS)
def _concatenate_pull(call: Call, affine: Affine) -> list[tuple[Affine, ...]]:
    """Each input takes its slice."""
    axis = _concatenated_axis(call)
    small = affine.compressed()
    if small.scale.shape[axis] == 1:
        return [(small,) * len(call.inputs)]
    ends = np.cumsum([v.example[axis] for v in call.inputs])[:-1]
    scales, shifts = (np.split(a, ends, axis) for a in (small.scale, small.shift))
    return [tuple(Affine(s, d).compressed() for s, d in zip(scales, shifts, strict=True))]


@push.rule(*CONCATENATIONS)
def _concatenate_push(call: Call, given: Given) -> list[Balance]:
    axis = _concatenated_axis(call)
    parts = []
    for value, affine in zip(call.inputs, given, strict=True):
        small = (affine or Affine.identity(value.rank)).compressed()
        size = value.example[axis]
        if size is None:
            raise CannotFold(
                "axis_mismatch", f"'{call.name}' joins along an axis of unknown length"
            )
        shape = [size if i == axis else n for i, n in enumerate(small.scale.shape)]
        parts.append(small.map(partial(np.broadcast_to, shape=shape)))
    joined = Affine(*(_joined([getattr(p, n) for p in parts], axis) for n in ("scale", "shift")))
    return [Balance((None,) * len(given), joined)]


def _joined(arrays: list[np.ndarray], axis: int) -> np.ndarray:
    """Concatenates after giving every other axis the length it has in any of them."""
    full = np.max([a.shape for a in arrays], axis=0)
    shapes = [[a.shape[axis] if i == axis else n for i, n in enumerate(full)] for a in arrays]
    return np.concatenate(
        [np.broadcast_to(a, s) for a, s in zip(arrays, shapes, strict=True)], axis
    )
