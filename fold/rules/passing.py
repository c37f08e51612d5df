"""How an affine gets through a layer that has no weights to take it.

`pull` answers with alternatives, each one affine per input. `push` gets one affine (or None) per
input and answers with alternatives, each a `Balance`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call
from fold.rules.table import pull, push

Given = tuple[Affine | None, ...]
Move = Callable[[Call, Affine], Affine]


@dataclass(frozen=True, eq=False)
class Balance:
    """What the inputs that carry no affine must be given, and what goes on to the output."""

    inputs: Given
    output: Affine


def passes(*types: type, up: Move, down: Move) -> None:
    """Registers layers of one input: `up` from output to input, `down` the other way."""

    def pulled(call: Call, affine: Affine) -> list[Given]:
        _require_single(call)
        return [(up(call, affine), *[None] * (len(call.inputs) - 1))]

    def pushed(call: Call, given: Given) -> list[Balance]:
        _require_single(call)
        return [Balance((None,) * len(given), down(call, first(call, given)))]

    pull.rule(*types)(pulled)
    push.rule(*types)(pushed)


def _require_single(call: Call) -> None:
    if not call.reads_only_input:
        raise CannotFold("unknown_layer", f"'{call.name}' reads or gives more than one tensor")


def first(call: Call, given: Given) -> Affine:
    """The affine on the input; refuses one on a mask."""
    affine, *others = given
    if affine is None or any(other is not None for other in others):
        raise CannotFold("unknown_layer", f"'{call.name}' reads it as a mask")
    return affine


def require_no_shift(call: Call, affine: Affine, code: str = "activation_between") -> None:
    """Refuses an affine with a shift."""
    if affine.has_shift:
        raise CannotFold(code, f"'{call.name}' lets no shift through")


def require_not_negative(call: Call, affine: Affine) -> None:
    """Refuses an affine with a negative scale."""
    if (affine.scale < 0).any():
        raise CannotFold("negative_scale", f"'{call.name}' lets no negative scale through")


def fitting(call: Call, position: int, affine: Affine) -> Affine:
    """The compressed affine; refuses one that varies along an axis the input does not have."""
    small, example = affine.compressed(), call.inputs[position].example
    if small.rank != len(example):
        raise CannotFold("axis_mismatch", f"'{call.name}' broadcasts its inputs")
    if any(n not in (1, d) for n, d in zip(small.scale.shape, example, strict=True)):
        raise CannotFold("axis_mismatch", f"'{call.name}' broadcasts its inputs")
    return small
