"""Random models as other people build them: shared and nested parts, custom layers, any outputs."""

from itertools import count

import keras
import numpy as np
from keras import layers, ops

from fleras.fused_renorm import BatchNormalization as FusedRenorm
from sample_models.batch_norms import randomise
from tests.fold.foreign_layers import (
    BatchInside,
    Compiled,
    Counter,
    DropPath,
    FixedLength,
    NeedsArgument,
    OwnWeights,
    Pair,
    Patches,
    Residual,
)
from tests.fold.graphs import inputs_for

SHAPES = [(8, 8, 4), (8, 6, 4), (None, None, 4), (7, 5, 3), (12, 4), (None, 4), (6,), (4, 8, 8, 2)]
ACTIVATIONS = ["relu", "relu6", "leaky_relu", "sigmoid", "swish", "tanh", "gelu", None]
PADDINGS = ["same", "valid"]


class Builder:
    """Grows one model; `pool` holds the tensors so far, `parts` the layers that can be reused."""

    def __init__(self, seed, depth=7):
        self.rng = np.random.default_rng(seed)
        self.depth = depth
        self.parts = []

    def one_of(self, options):
        return options[self.rng.integers(len(options))]

    def chance(self, probability):
        return self.rng.uniform() < probability

    def model(self):
        shape = self.one_of(SHAPES)
        names = ["left", "right"][: self.one_of([1, 1, 2])]
        inputs = [keras.Input(shape, name=name, dtype="float64") for name in names]
        pool = list(inputs)
        if self.chance(0.1):
            inputs = [keras.Input((7,), dtype="int32", name="tokens")]
            pool = [layers.Embedding(9, 4, mask_zero=self.chance(0.3))(inputs[0])]
        self.grow(pool, self.depth)
        model = keras.Model(self.structure(inputs, "in"), self.structure(self.results(pool), "out"))
        return randomise(model, int(self.rng.integers(10_000)), self.chance(0.7), self.chance(0.5))

    def structure(self, tensors, name):
        if self.chance(0.2):
            return {f"{name}{i}" if name == "out" else t.name: t for i, t in enumerate(tensors)}
        return tensors[0] if len(tensors) == 1 else tensors

    def results(self, pool):
        last = [pool[-1]]
        if self.chance(0.3):
            last.append(self.one_of(pool))
        if self.chance(0.1):
            last.append(last[0])
        return last

    def grow(self, pool, depth):
        for _ in range(self.rng.integers(2, depth + 1)):
            x = self.one_of(pool[-2:])
            pool.append(self.step(x, pool))
            if self.chance(0.4):
                pool.append(self.norm()(pool[-1]))

    def step(self, x, pool):
        options = [self.linear] * 3 + [self.reused] * 2 + [self.elementwise, self.custom]
        options += [self.joined, self.nested, self.reduced, self.arranged]
        return self.one_of(options)(x, pool)

    def norm(self):
        kind = self.one_of([layers.BatchNormalization] * 4 + [FusedRenorm])
        norm = kind(center=self.chance(0.9), scale=self.chance(0.9))
        self.parts.append(norm)
        return norm

    def linear(self, x, pool):
        layer = self.linear_layer(len(x.shape) - 2, x.shape)
        self.parts.append(layer)
        return layer(x)

    def linear_layer(self, rank, shape):
        activation = self.one_of([None] * 5 + ACTIVATIONS)
        settings = {"use_bias": self.chance(0.5), "activation": activation}
        if rank not in (1, 2) or self.chance(0.3):
            dense = layers.Dense(self.one_of([3, 4, 4]), **settings)
            if self.chance(0.15):
                return layers.TimeDistributed(dense) if rank and shape[1] else dense
            return dense
        kernel = self.one_of([1, 2, 3])
        shortest = min(n or 8 for n in shape[1:-1])
        stride = self.one_of([1, 1, 2, 3]) if shortest > 4 else 1
        padding = self.one_of(PADDINGS) if shortest >= kernel else "same"
        settings |= {"strides": stride, "padding": padding}
        dilated = settings | {"strides": 1, "padding": "same", "dilation_rate": 2}
        conv = [layers.Conv1D, layers.Conv2D][rank - 1]
        kinds = ["conv", "conv", "depthwise", "separable", "transposed", "causal", "dilated"]
        kind = self.one_of(kinds)
        if kind == "depthwise":
            return [layers.DepthwiseConv1D, layers.DepthwiseConv2D][rank - 1](kernel, **settings)
        if kind == "separable":
            return [layers.SeparableConv1D, layers.SeparableConv2D][rank - 1](4, kernel, **settings)
        if kind == "transposed":
            return [layers.Conv1DTranspose, layers.Conv2DTranspose][rank - 1](4, kernel, **settings)
        if kind == "causal" and rank == 1:
            return conv(4, kernel, **settings | {"padding": "causal"})
        if kind == "dilated":
            return conv(4, kernel, **dilated)
        return conv(4, kernel, **settings)

    def elementwise(self, x, pool):
        choices = [layers.Activation(self.one_of(ACTIVATIONS)), layers.ReLU(negative_slope=0.1)]
        space = list(range(1, len(x.shape) - 1))
        choices += [layers.LeakyReLU(0.3), layers.PReLU(shared_axes=space)]
        choices += [layers.Dropout(0.2), layers.Lambda(lambda x: x * 0.5), layers.Identity()]
        choices += [lambda x: ops.multiply(x, np.float32(-1.5)), lambda x: x + np.arange(1.0, 2.0)]
        choices += [layers.GaussianNoise(0.1), layers.LayerNormalization(), ops.relu, ops.sigmoid]
        return self.one_of(choices)(x)

    def custom(self, x, pool):
        units = x.shape[-1]
        kinds = [lambda: NeedsArgument(1.5), lambda: Residual(units), lambda: BatchInside(units)]
        kinds += [lambda: OwnWeights(units), lambda: Compiled(units)]
        kinds += [DropPath, Counter, FixedLength]
        if len(x.shape) == 4 and all(n is not None and n % 2 == 0 for n in x.shape[1:3]):
            kinds.append(Patches)
        if self.chance(0.1):
            return Pair()(x)["left"]
        layer = self.one_of(kinds)()
        self.parts.append(layer)
        return layer(x)

    def joined(self, x, pool):
        alike = [t for t in pool if t.shape == x.shape and t is not x]
        if not alike:
            return self.elementwise(x, pool)
        kind = self.one_of([layers.Add, layers.Subtract, layers.Multiply, layers.Maximum])
        kind = self.one_of([kind, layers.Concatenate, layers.Average])
        return kind()([x, self.one_of(alike)])

    def reused(self, x, pool):
        """Calls a layer again, on a tensor that it takes."""
        layer = self.one_of(self.parts) if self.parts else layers.ReLU()
        try:
            return layer(x)
        except Exception:
            return self.linear(x, pool)

    def nested(self, x, pool):
        """A model within the model, as it is, over time, or called twice."""
        over_time = len(x.shape) > 3 and x.shape[1] is not None and self.chance(0.5)
        inner = self.inner(x.shape[2:] if over_time else x.shape[1:])
        if over_time:
            return layers.TimeDistributed(inner)(x)
        self.parts.append(inner)
        y = inner(x)
        if y.shape == x.shape and self.chance(0.3):
            y = inner(y)
        return y

    def inner(self, shape):
        parts, self.parts = self.parts, []
        inputs = keras.Input(shape, dtype="float64")
        if self.chance(0.5):
            steps = [self.linear_layer(len(shape) - 1, (None, *shape)), self.norm()]
            model = keras.Sequential([inputs, *steps, layers.ReLU()])
        else:
            pool = [inputs]
            self.grow(pool, 3)
            model = keras.Model(inputs, pool[-1])
        self.parts = parts
        return model

    def reduced(self, x, pool):
        if len(x.shape) < 3:
            return self.elementwise(x, pool)
        axis = int(self.rng.integers(1, len(x.shape) - 1))
        kinds = [lambda x: ops.sum(x, axis=axis, keepdims=True), lambda x: ops.mean(x, axis=[axis])]
        kinds += [lambda x: ops.max(x, axis=np.array([axis])), lambda x: ops.sum(x, axis=axis)]
        if len(x.shape) == 4 and (None in x.shape[1:] or min(x.shape[1:3]) > 3):
            pool = {"pool_size": self.one_of([2, 3]), "padding": self.one_of(PADDINGS)}
            pool["strides"] = self.one_of([1, 2, 3])
            kinds += [layers.MaxPooling2D(**pool), layers.AveragePooling2D(**pool)]
            kinds += [layers.GlobalAveragePooling2D(keepdims=True), layers.GlobalMaxPooling2D()]
        y = self.one_of(kinds)(x)
        return y if len(y.shape) > 1 else x

    def arranged(self, x, pool):
        rank, last = len(x.shape), x.shape[-1]
        kinds = [lambda x: ops.pad(x, np.array([[0, 0]] + [[1, 1]] * (rank - 2) + [[0, 0]]))]
        kinds += [lambda x: ops.expand_dims(x, -2), lambda x: ops.flip(x, axis=-1)]
        if None not in x.shape[1:]:
            size = int(np.prod(x.shape[1:-1]))
            kinds += [lambda x: ops.reshape(x, (-1, np.int64(size), last))]
            kinds += [layers.Reshape((size, last)), layers.Permute((*range(2, rank), 1))]
        if rank == 4:
            kinds += [layers.ZeroPadding2D(1), layers.UpSampling2D(2)]
            if None not in x.shape[1:] and min(x.shape[1:3]) > 2:
                kinds += [layers.Cropping2D(1), layers.Flatten()]
        if rank == 2:
            kinds = [layers.RepeatVector(3), lambda x: ops.stack([x, x], axis=1)]
        return self.one_of(kinds)(x)


def valid_model(seed):
    """The model of one seed, or None where its parts do not fit together."""
    try:
        model = Builder(seed).model()
        model(inputs_for(model, unknown=8), training=False)
    except Exception:
        return None
    return model


def foreign_model(seed):
    """A model from a seed, in float64, with random statistics."""
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("float64")
    try:
        return next(filter(None, (valid_model((seed, attempt)) for attempt in count())))
    finally:
        keras.config.set_dtype_policy("float32")
