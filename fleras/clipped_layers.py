"""The layers of a model that renormalize, and what clips each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from fleras.clipping import number
from fleras.fused_renorm import BatchNormalization
from fleras.keras_internals import all_layers

LEAST = {"rmax": 1.0, "dmax": 0.0}


def renorm_layers(model: keras.Model) -> list[BatchNormalization]:
    """Every renormalizing layer of the model, those of nested models and layers too."""
    return [layer for layer in all_layers(model) if isinstance(layer, BatchNormalization)]


def reads(layer: BatchNormalization, variables: Mapping[str, keras.Variable]) -> bool:
    """Whether any of these variables clips the layer."""
    return any(value is variables.get(name) for name, value in _given(layer).items())


def loosest_limits(layers: Sequence[BatchNormalization]) -> dict[str, float]:
    """The largest finite limits that the layers have now, by name."""
    found: dict[str, float] = {}
    for layer in layers:
        limits = {} if layer.clipping is None else layer.clipping.numbers()
        for name in LEAST:
            if np.isfinite(limits.get(name, np.inf)):
                found[name] = max(found.get(name, 0.0), limits[name])
    return found


def not_driven(model: keras.Model, driven: Sequence[BatchNormalization]) -> str | None:
    """What a schedule that drives these layers leaves out, in a sentence; None if nothing."""
    if not driven:
        stock = [x for x in all_layers(model) if type(x) is keras.layers.BatchNormalization]
        advice = "; see fleras.replace_batch_norms." if stock else "."
        return (
            f"RenormClippingSchedule drives nothing: model '{model.name}' has no "
            f"fleras.BatchNormalization, but {len(stock)} of Keras' own{advice}"
        )
    others = {x.name: _given(x) for x in renorm_layers(model) if x not in driven and _fixed(x)}
    if not others:
        return None
    return (
        f"RenormClippingSchedule drives {len(driven)} layers but not these, whose clipping is "
        f"fixed: {others}. schedule.drive(model) takes them over too."
    )


def calls_of(optimizer: Any) -> int:
    """The number of steps an optimizer was given, also where it accumulates gradients."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return 0
    return int(number(optimizer.iterations)) * (optimizer.gradient_accumulation_steps or 1)


def _given(layer: BatchNormalization) -> Mapping[str, Any]:
    return {} if layer.clipping is None else layer.clipping.given


def _fixed(layer: BatchNormalization) -> bool:
    return all(isinstance(value, int | float) for value in _given(layer).values())
