"""Batch norms with the statistics of a trained network; a fresh one makes any fold look right."""

import keras
import numpy as np

from fold.keras_graph.internals import all_layers


def randomise(model, seed=0, signs=True, zeros=True):
    """Gives every batch norm random statistics: gamma of both signs, a few of them zero."""
    rng = np.random.default_rng(seed)
    for layer in all_layers(model):
        if hasattr(layer, "moving_variance"):
            _randomise(layer, rng, signs, zeros)
    return model


def _randomise(layer, rng, signs, zeros):
    shape = layer.moving_mean.shape
    mean = rng.normal(0, 0.5, shape)
    variance = rng.uniform(0.5, 2.0, shape)
    gamma = rng.uniform(0.5, 1.5, shape)
    if signs:
        gamma *= rng.choice([-1, 1], shape)
    if zeros:
        gamma *= rng.uniform(size=shape) > 0.1
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    if getattr(layer, "moving_stddev", None) is not None:
        layer.moving_stddev.assign(np.sqrt(variance + layer.epsilon))
    if layer.gamma is not None:
        layer.gamma.assign(gamma)
    if layer.beta is not None:
        layer.beta.assign(rng.normal(0, 0.5, shape))


def batch_norms(model):
    """Every batch-norm layer in the model, nested ones too."""
    return [layer for layer in all_layers(model) if hasattr(layer, "moving_variance")]


def example_inputs(model, batch=2, seed=0, size=8):
    """Standard-normal (or small integer) inputs; unknown dimensions become `size`."""
    rng = np.random.default_rng(seed)

    def draw(tensor):
        shape = [batch, *(d or size for d in tensor.shape[1:])]
        if "int" in tensor.dtype:
            return rng.integers(0, 2, shape).astype(tensor.dtype)
        return rng.normal(size=shape).astype(tensor.dtype)

    sequential = isinstance(model, keras.Sequential)
    return keras.tree.map_structure(draw, model.inputs[0] if sequential else model.input)
