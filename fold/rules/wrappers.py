"""TimeDistributed: the rule of the layer it applies to each step."""

from __future__ import annotations

from typing import Any

from keras import layers

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call, Value
from fold.rules.table import Edit, absorb_input, absorb_output
from fold.rules.weighted import require_plain, within


@absorb_output.rule(layers.TimeDistributed)
def _time_distributed_output(call: Call, affine: Affine) -> Edit:
    return _wrapped(call, absorb_output(_step(call), _each_step(affine)), affine)


@absorb_input.rule(layers.TimeDistributed)
def _time_distributed_input(call: Call, affine: Affine, positions: tuple[int, ...]) -> Edit:
    return _wrapped(call, absorb_input(_step(call), _each_step(affine), positions), affine)


def _each_step(affine: Affine) -> Affine:
    return affine.constant_over((0,)).map(lambda a: a[0])


def _step(call: Call) -> Call:
    """The call of the inner layer on one step."""
    layer: Any = require_plain(call)
    if isinstance(layer.layer, layers.Wrapper):
        raise CannotFold("unknown_layer", f"'{call.name}' wraps a wrapper")
    inner, outer = (Value((v.shape[0], *v.shape[2:]), v.dtype) for v in (call.input, call.output))
    return Call(layer.layer, (inner,), {}, (outer,))


def _wrapped(call: Call, edit: Edit, affine: Affine) -> Edit:
    name = call.operation.layer.name
    return Edit(
        edit.side,
        affine,
        lambda w: within(w, name, edit.transform),
        {f"layer.config.{key}": value for key, value in edit.config.items()},
    )
