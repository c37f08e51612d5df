"""A layer with random weights, its inputs, and the NumPy reference of the same step."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization
from tests.fleras.numpy_renorm import Renorm

MODES = {"eager": None, "function": False, "xla": True}
CLIPPINGS = [None, {}, {"rmax": 1.1, "rmin": 0.9, "dmax": 0.2}, {"rmax": 1.5}, {"dmax": 0.1}]


@dataclass(repr=False)
class Trial:
    layer: BatchNormalization
    x: np.ndarray
    mask: np.ndarray | None
    reference: Renorm

    @classmethod
    def of(cls, shape, axis, seed=0, mask=None, clipping=None, **kwargs):
        rng = np.random.default_rng(seed)
        layer = BatchNormalization(axis=axis, renorm_clipping=clipping, **kwargs)
        layer.build(shape)
        size = layer.moving_mean.shape
        values = {
            "gamma": rng.uniform(0.5, 1.5, size) * rng.choice([-1, 1], size),
            "beta": rng.normal(size=size),
            "moving_mean": rng.normal(0.5, 0.5, size),
            "moving_variance": rng.uniform(0.5, 4, size),
        }
        for name, value in values.items():
            if getattr(layer, name) is not None:
                getattr(layer, name).assign(value)
        kept = [a % len(shape) for a in ([axis] if isinstance(axis, int) else axis)]
        spread = [n if a in kept else 1 for a, n in enumerate(shape)]
        values["gamma"] = values["gamma"] if layer.scale else np.ones(size)
        values["beta"] = values["beta"] if layer.center else np.zeros(size)
        values = {k: v.astype("float32").astype(float).reshape(spread) for k, v in values.items()}
        reference = Renorm(
            **values,
            axes=tuple(a for a in range(len(shape)) if a not in kept),
            clipping=clipping or {},
            mask=1.0 if mask is None else _aligned(mask, len(shape)),
        )
        x = rng.normal(1, 2, shape).astype("float32")
        return cls(layer, x, mask, reference)

    def run(self, mode, *tensors, step=None):
        """The step, by default one training call, in one of the MODES."""
        step = step or self.train
        compiled = MODES[mode]
        run = step if compiled is None else tf.function(step, jit_compile=compiled)
        return run(*map(tf.constant, tensors or [self.x]))

    def train(self, x):
        return self.layer(x, training=True, mask=self.mask)

    def step(self, x, dy):
        """Outputs, gradients for inputs and parameters, and the new statistics."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self.train(x)
        gradients = tape.gradient(y, [x, *self.parameters()], output_gradients=dy)
        statistics = self.layer.moving_mean.value, self.layer.moving_variance.value
        return y, gradients, [tf.identity(v) for v in statistics]

    def parameters(self):
        return [v.value for v in (self.layer.gamma, self.layer.beta) if v is not None]


def _aligned(mask, rank):
    return mask.reshape(mask.shape + (1,) * (rank - mask.ndim)) if mask.ndim < rank else mask


def random_mask(shape, seed=0):
    """A mask of all axes but the last, with at least one True."""
    mask = np.random.default_rng(seed).uniform(size=shape[:-1]) < 0.7
    mask[(0,) * mask.ndim] = True
    return mask
