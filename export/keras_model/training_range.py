"""Are these inputs like those that a model was trained on? Its batch norms know.

The first batch norms on the way of an input, and layers that were adapted to data, hold mean and
variance of what they saw in training.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from export.base.errors import InputError
from export.base.runtime import Arrays
from export.keras_model.ports import inputs, pack
from fleras.recalibration.observed_graph import Recordings, batch_norms
from fleras.recalibration.population import Population

ABSURD, DOUBTFUL = 30.0, 3.0
EXAMPLES = 64
DEAD = 1e-3


@dataclass(frozen=True)
class Difference:
    """What a layer sees against what it saw in training, both the median over its channels.

    Attributes:
        layer: its name.
        spread: standard deviation as a multiple of that in training.
        shift: distance of the means in standard deviations in training.
    """

    layer: str
    spread: float
    shift: float

    @property
    def size(self) -> float:
        """How far apart, as a factor of at least 1."""
        low = 1 / self.spread if self.spread > 0 else np.inf
        return float(max(self.spread, low, self.shift, 1.0))

    def __str__(self) -> str:
        return (
            f"layer {self.layer!r} sees {self.spread:.3g} times the spread that it saw in training "
            f"and means {self.shift:.1f} standard deviations away"
        )


def check_range(model: keras.Model, feeds: Arrays) -> tuple[str, ...]:
    """A warning where the inputs are unlike those of the training.

    Args:
        model: with the batch norms that it was trained with.
        feeds: examples by input name.

    Raises:
        InputError: they can't be meant: all zero, or beyond 30 times what the training had.
    """
    _refuse_zeros(feeds)
    found = sorted(_differences(model, feeds), key=lambda each: each.size)
    if not found:
        return ()
    middle = found[len(found) // 2]
    if middle.size > ABSURD:
        raise InputError(
            f"the calibration data are not what the model was trained on: {middle}; give inputs as "
            "model.predict takes them"
        )
    if middle.size > DOUBTFUL:
        return (f"the calibration data are unlike what the model was trained on: {middle}",)
    return ()


def _refuse_zeros(feeds: Arrays) -> None:
    real = [values for values in feeds.values() if values.dtype.kind == "f"]
    if real and not any(map(np.any, real)):
        raise InputError(
            "every number of the calibration data is zero; give some hundred typical inputs"
        )


def _differences(model: keras.Model, feeds: Arrays) -> list[Difference]:
    norms = [layer for layer in batch_norms(model) if _trained(layer)]
    if not norms:
        return []
    try:
        known = {port.name for port in inputs(model)}
        data = pack(model, {n: v[:EXAMPLES] for n, v in feeds.items() if n in known})
        data = keras.tree.map_structure(keras.ops.convert_to_tensor, data)
        sums = Recordings(model).of(data).sums(0, data)
    except (ValueError, KeyError, AttributeError, TypeError):
        return []
    return [_difference(layer, Population(*parts)) for layer, parts in sums if layer in norms]


def _trained(layer: Any) -> bool:
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    return bool(np.isfinite(variance).all() and (np.any(mean) or np.any(variance != 1)))


def _difference(layer: Any, seen: Population) -> Difference:
    mean = layer.moving_mean.numpy().astype(np.float64)
    variance = layer.moving_variance.numpy().astype(np.float64)
    alive = variance > DEAD * variance.max()
    spread = np.sqrt(seen.variance[alive] / variance[alive])
    shift = np.abs(seen.mean - mean)[alive] / np.sqrt(variance[alive])
    return Difference(layer.name, float(np.median(spread)), float(np.median(shift)))
