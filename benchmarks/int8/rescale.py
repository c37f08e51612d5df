"""Gives the channels of a network very unequal ranges without changing what it computes.

Written without `fold`: what one of the two gets wrong the other does not hide.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from fold.keras_graph.internals import readers_of

ORDERS = 2.5
MAKERS = (layers.BatchNormalization, layers.Conv2D, layers.Conv1D, layers.Dense)
READERS = (layers.Conv2D, layers.Conv1D, layers.DepthwiseConv2D, layers.Dense)


def rescaled(model: keras.Model, x: np.ndarray, seed: int = 0) -> keras.Model:
    """The network with the channels before each ReLU scaled over 2.5 orders of magnitude.

    What reads a ReLU is scaled the other way. Through ReLU6 only channels go that stay below 6 on
    `x`, and only down.
    """
    rng = np.random.default_rng(seed)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    for maker, bounded, reader in _pairs(twin):
        tensor = maker.output
        scale = 10 ** rng.uniform(-ORDERS, 0, tensor.shape[-1])
        if bounded:
            values = keras.Model(twin.inputs, tensor).predict(x, verbose=0)
            scale[values.max(axis=tuple(range(values.ndim - 1))) >= bounded] = 1
        _scale_output(maker, scale)
        _scale_input(reader, 1 / scale)
    return twin


def _pairs(model: keras.Model) -> list[tuple[Any, float | None, Any]]:
    """Every layer that one ReLU alone reads, the bound of the ReLU, and its one reader."""
    found = []
    for maker in model.layers:
        if not isinstance(maker, MAKERS):
            continue
        own = getattr(maker, "activation", None) is keras.activations.relu
        relu = maker if own else _only_reader(maker)
        reader = _only_reader(relu) if own or isinstance(relu, layers.ReLU) else None
        if isinstance(reader, READERS):
            found.append((maker, getattr(relu, "max_value", None), reader))
    return found


def _only_reader(layer: Any) -> Any:
    readers = readers_of(layer)
    return readers[0] if len(readers) == 1 else None


def _scale_output(layer: Any, scale: np.ndarray) -> None:
    if isinstance(layer, layers.BatchNormalization):
        chosen = [layer.gamma, layer.beta]
    else:
        chosen = [weight for weight in (layer.kernel, layer.bias) if weight is not None]
    for weight in chosen:
        weight.assign(weight * scale)


def _scale_input(layer: Any, scale: np.ndarray) -> None:
    layer.kernel.assign(layer.kernel * scale[:, None])
