"""Layers as other people write them: each does something that a config or a trace can't hold."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class Patches(layers.Layer):
    """Reads the batch size in its call."""

    def call(self, x):
        b, h, w, c = ops.shape(x)
        x = ops.reshape(x, (b, h // 2, 2, w // 2, 2, c))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (b, h // 2, w // 2, 4 * c))


class BatchInside(layers.Layer):
    """Reads the batch size beside a batch norm of its own."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.dense, self.norm = layers.Dense(units), layers.BatchNormalization()

    def call(self, x):
        y = self.norm(self.dense(x))
        return ops.reshape(y, (ops.shape(x)[0], *y.shape[1:]))


class NeedsArgument(layers.Layer):
    """Its config does not say what it was made with; computes outside of Keras."""

    def __init__(self, factor, **settings):
        super().__init__(**settings)
        self.factor = factor

    def call(self, x):
        return tf.multiply(x, tf.cast(self.factor, x.dtype))

    def get_config(self):
        return super().get_config()


class Residual(layers.Layer):
    """A composite layer with lists and a nested model, and no config of its own."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.steps = [layers.Dense(units), layers.BatchNormalization()]
        self.tail = {"tail": keras.Sequential([layers.Dense(units), layers.BatchNormalization()])}

    def call(self, x, training=None):
        y = x
        for step in self.steps:
            y = step(y)
        return x + ops.relu(self.tail["tail"](y, training=training))


class OwnWeights(layers.Layer):
    """Reads weights of its own between a Dense and a batch norm, like LeViT's attention."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.dense, self.norm = layers.Dense(units), layers.BatchNormalization()

    def build(self, shape):
        self.table = self.add_weight(shape=(9,), initializer="random_normal", name="table")
        self.index = np.arange(shape[-1]) % 9

    def call(self, x):
        return self.norm(self.dense(x + ops.take(self.table, self.index)))


class Compiled(layers.Layer):
    """Its call is a tf.function."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.dense, self.norm = layers.Dense(units), layers.BatchNormalization()

    def build(self, shape):
        self.dense.build(shape)
        self.norm.build((*shape[:-1], self.dense.units))

    @tf.function
    def call(self, x):
        return self.norm(self.dense(x)) * 2


class DropPath(layers.Layer):
    """Random while it trains, nothing at inference."""

    def __init__(self, rate=0.3, **settings):
        super().__init__(**settings)
        self.rate, self.seeds = rate, keras.random.SeedGenerator(3)

    def call(self, x, training=None):
        return keras.random.dropout(x, self.rate, seed=self.seeds) if training else x


class Pair(layers.Layer):
    """Gives a dictionary."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return {"left": self.norm(x), "right": ops.abs(x)}


class Counter(layers.Layer):
    """Changes a state of its own whenever it is called."""

    def build(self, shape):
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")
        self.norm = layers.BatchNormalization()
        self.norm.build(shape)

    def call(self, x):
        self.seen.assign_add(1.0)
        return self.norm(x)


class FixedLength(layers.Layer):
    """Its trace would hold the batch size that it was traced with."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.norm = layers.BatchNormalization()

    def call(self, x):
        size = 1 if isinstance(x, keras.KerasTensor) else 2
        return self.norm(x) * size
