"""Steps of a random model that are several layers, and all steps in two tables."""

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers, ops

from tests.fold.single_steps import (
    activation,
    channels,
    constant,
    convolution,
    fixed,
    linear,
    norm,
    of_rank,
    one_of,
    rank,
    spatial,
)


class Block(layers.Layer):
    """A composite layer: dense, batch norm, a way around."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.units = units
        self.dense = layers.Dense(units, dtype=self.dtype_policy)
        self.norm = layers.BatchNormalization(dtype=self.dtype_policy)

    def call(self, inputs, training=None):
        return ops.relu(self.norm(self.dense(inputs), training=training)) + inputs

    def get_config(self):
        return super().get_config() | {"units": self.units}


def sandwich(draw, x):
    """A batch norm between two layers that could take it, with something on either way."""
    x = _between(draw, linear(draw, x))
    return linear(draw, _between(draw, norm(draw, x)))


def _between(draw, x):
    step = one_of(draw, None, spatial, activation, spatial, constant)
    return step(draw, x) if step else x


def merge(draw, x, pool):
    same = [t for t in pool if t.shape == x.shape and t is not x]
    other = one_of(draw, *same) if same and draw(st.booleans()) else None
    if other is None and rank(x):
        other = convolution(draw, x, channels(x), "same")
        other = norm(draw, other) if draw(st.booleans()) else other
    if other is None:
        other = layers.Dense(channels(x))(x)
    makers = (
        lambda: layers.Add()([x, other]),
        lambda: x + other,
        lambda: layers.Concatenate()([x, other]),
        lambda: layers.Subtract()([other, x]),
        lambda: layers.Maximum()([x, other]),
        lambda: layers.Multiply()([x, other]),
        lambda: layers.Average()([x, other, x * 2.0]),
    )
    return one_of(draw, *makers)()


def residual(draw, x):
    """A batch norm behind, or in front of, a sum with a way around."""
    y = norm(draw, x) if draw(st.booleans()) else x
    y = layers.Dense(channels(x))(activation(draw, y))
    total = layers.Add()([x, y])
    return norm(draw, total) if draw(st.booleans()) else total


def parallel(draw, x):
    """Branches of one tensor that are one convolution (RepVGG, MobileOne)."""
    if rank(x) not in (1, 2):
        return x
    strides = one_of(draw, 1, 2) if fixed(x) else 1
    deep = draw(st.booleans())
    kind, filters = ("DepthwiseConv{}D", ()) if deep else ("Conv{}D", (channels(x),))

    def branch(size):
        y, padding = x, "same"
        if size > 1 and draw(st.booleans()):
            y, padding = of_rank("ZeroPadding{}D", x)(size // 2)(x), "valid"
        conv = of_rank(kind, x)(*filters, size, strides=strides, padding=padding)
        return layers.BatchNormalization()(conv(y))

    branches = [branch(size) for size in draw(st.lists(st.sampled_from([1, 3]), min_size=1))[:3]]
    if strides == 1 and draw(st.booleans()):
        branches.append(layers.BatchNormalization()(x))
    alike = [b for b in branches if b.shape == branches[0].shape]
    return layers.Add()(alike) if len(alike) > 1 else alike[0]


def gate(draw, x):
    """Squeeze and excitation."""
    if not rank(x):
        return x
    squeezed = of_rank("GlobalAveragePooling{}D", x)(keepdims=True)(x)
    return layers.Multiply()([x, layers.Dense(channels(x), activation="sigmoid")(squeezed)])


def nested(draw, x):
    steps = [keras.Input(x.shape[1:], dtype=x.dtype), layers.Dense(channels(x))]
    inner = keras.Sequential([*steps, layers.BatchNormalization(), layers.ReLU()])
    return inner(inner(x)) if draw(st.booleans()) else inner(x)


def shared(draw, x):
    layer, bn = layers.Dense(channels(x)), layers.BatchNormalization()
    if draw(st.booleans()):
        return layers.Add()([bn(layer(x)), bn(layer(layers.ReLU()(x)))])
    return layers.Concatenate()([layer(x), norm(draw, layer(layers.ReLU()(x)))])


def composite(draw, x):
    return x if x.sparse else Block(channels(x))(x)


def rearranged(draw, x):
    """The same numbers in another shape."""
    if not rank(x) or not fixed(x):
        return ops.squeeze(norm(draw, ops.expand_dims(x, 1)), 1)
    orders = [(*range(2, len(x.shape)), 1), (*range(len(x.shape) - 1, 0, -1),)]
    makers = (
        lambda: layers.Permute(one_of(draw, *orders))(x),
        lambda: ops.transpose(x, (0, *one_of(draw, *orders))),
        lambda: layers.Reshape((-1, channels(x)))(x),
        lambda: ops.reshape(x, (-1, int(np.prod(x.shape[1:])))),
    )
    return one_of(draw, *makers)()


def channels_first(draw, x):
    """A batch norm and a layer of space with the channels in front; back again at the end."""
    if not rank(x) or not fixed(x):
        return x
    front = (len(x.shape) - 1, *range(1, len(x.shape) - 1))
    x = layers.BatchNormalization(axis=1)(layers.Permute(front)(x))
    if rank(x) > 1:
        name = one_of(draw, "ZeroPadding{}D", "Cropping{}D" if min(x.shape[2:]) > 3 else "Re")
        if "Padding" in name or "Cropping" in name:
            x = of_rank(name, x)(data_format="channels_first")(x)
    if draw(st.booleans()):
        x = layers.BatchNormalization(axis=1)(x)
    return layers.Permute((*range(2, len(x.shape)), 1))(x)


def steps_in_time(draw, x):
    """One layer on every step of the first axis."""
    if rank(x) not in (1, 2):
        return x
    inner = one_of(draw, layers.Dense(3), layers.BatchNormalization())
    if rank(x) == 2 and draw(st.booleans()):
        inner = layers.Conv1D(3, 3, padding="same")
    return layers.TimeDistributed(inner)(x)


def head(draw, x):
    """One vector per example."""
    makers = [lambda: ops.mean(x, axis=tuple(range(1, len(x.shape) - 1)))]
    if rank(x):
        makers.append(lambda: of_rank("GlobalAveragePooling{}D", x)()(x))
        makers.append(lambda: of_rank("GlobalMaxPooling{}D", x)()(x))
    if fixed(x):
        makers.append(lambda: layers.Flatten()(x))
    if rank(x) == 1:
        makers += [lambda: layers.LSTM(3)(x), lambda: layers.MultiHeadAttention(2, 3)(x, x)]
        makers += [lambda: layers.Bidirectional(layers.GRU(2))(x)]
    flat = one_of(draw, *makers)()
    return layers.Dense(3)(norm(draw, flat) if draw(st.booleans()) else flat)


COMMON = (norm, norm, linear, sandwich, residual, sandwich, merge, activation, spatial, constant)
RARE = (gate, nested, shared, composite, parallel, rearranged, channels_first, steps_in_time)
