"""How large every channel of every tensor of a model is on given data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from fold.affine import Array
from fold.keras_graph.graph import Value
from fold.rebuild.write import write_model_with_tensors
from fold.search.plan import Plan


@dataclass(frozen=True)
class Observed:
    """Of each channel along the last axis, as arrays that broadcast against one example.

    Attributes:
        peak: largest magnitude.
        highest: largest value.
        power: mean square.
    """

    peak: Array
    highest: Array
    power: Array


def observe(plan: Plan, model: keras.Model, data: Iterable[Any]) -> dict[Value, Observed]:
    """Runs the model of the plan on each batch; only floating tensors of known width are seen."""
    twin, tensors = write_model_with_tensors(plan, model)
    seen = {
        value: tensor
        for value, tensor in tensors.items()
        if value.rank and value.example[-1] is not None and "float" in value.dtype
    }
    inner = keras.Model(twin.inputs, list(seen.values()))
    sums: list[list[Array]] = [[] for _ in seen]
    for batch in data:
        results = inner(keras.tree.flatten(batch), training=False)
        for parts, result in zip(sums, keras.tree.flatten(results), strict=True):
            parts.append(_of(np.asarray(result, np.float64)))
    return {value: _joined(parts) for value, parts in zip(seen, sums, strict=True)}


def _of(values: Array) -> Array:
    """Peak, highest and power, stacked."""
    flat = values.reshape(-1, values.shape[-1])
    return np.stack([np.abs(flat).max(0), flat.max(0), np.square(flat).mean(0)]).reshape(
        3, *(1,) * (values.ndim - 2), -1
    )


def _joined(parts: list[Array]) -> Observed:
    peak, highest, power = np.moveaxis(np.stack(parts), 1, 0)
    return Observed(peak.max(0), highest.max(0), power.mean(0))
