"""At least one call of every type that has a folding rule; the laws run over all of them."""

import keras
import numpy as np
from keras import layers, ops

from fleras.fused_renorm import BatchNormalization as FusedRenorm

LINE, PLANE, VOLUME = (9, 4), (8, 8, 4), (5, 5, 5, 4)
RNG = np.random.default_rng(7)


def constant(*shape):
    return RNG.uniform(0.5, 1.5, shape)


def on(shape, *makers, n=1):
    """One example per maker: a function of `n` inputs of that shape."""
    return [((shape,) * n, maker) for maker in makers]


def convolutions(kind, shape, **extra):
    return on(
        shape,
        lambda: kind(6, 3, **extra),
        lambda: kind(6, 3, padding="same", use_bias=False, **extra),
        lambda: kind(6, 3, strides=2, activation="relu", **extra),
        lambda: kind(6, 1, use_bias=False, **extra),
    )


def merge(make):
    return lambda: lambda *tensors: make()(list(tensors))


def both(function):
    return lambda: function


def normalization(**settings):
    return layers.Normalization(mean=[0.5, 1, -1, 2], variance=[1, 2, 0.5, 3], **settings)


EXAMPLES = [
    *on(PLANE, lambda: layers.BatchNormalization(), lambda: layers.BatchNormalization(axis=1)),
    *on(PLANE, lambda: layers.BatchNormalization(center=False, scale=False, renorm=True)),
    *on(PLANE, FusedRenorm, lambda: FusedRenorm(axis=[1, 3]), lambda: FusedRenorm(axis=[-1])),
    *on(PLANE, lambda: layers.Rescaling(0.5, 1.0), lambda: layers.Rescaling([1.0, 2, 3, 4], 0.5)),
    *on(PLANE, normalization, lambda: normalization(invert=True)),
    *on(PLANE, both(lambda x: x + 1.5), both(lambda x: ops.subtract(constant(4), x))),
    *on(PLANE, both(lambda x: x - constant(4)), both(lambda x: x * constant(1, 8, 1, 4))),
    *on(PLANE, both(lambda x: x / constant(4)), both(lambda x: ops.divide(x, 2.0))),
    *on(PLANE, both(lambda x: -x)),
    *on((4,), lambda: layers.Dense(5), lambda: layers.Dense(5, activation="relu")),
    *on(LINE, lambda: layers.Dense(5, use_bias=False)),
    *on(LINE, lambda: layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")),
    *on(LINE, lambda: layers.EinsumDense("abc,cd->abd", (None, 5))),
    *on(LINE, lambda: layers.EinsumDense("...c,cd->...d", 5, bias_axes="d")),
    *on(LINE, lambda: layers.EinsumDense("abc,cde->adbe", (2, None, 3), bias_axes="de")),
    *on(LINE, lambda: layers.EinsumDense("abc,bcd->ad", (5,), bias_axes="d")),
    *on((9,), lambda: layers.Embedding(7, 4)),
    *convolutions(layers.Conv1D, LINE),
    *on(LINE, lambda: layers.Conv1D(6, 3, padding="causal", dilation_rate=2)),
    *convolutions(layers.Conv2D, PLANE),
    *convolutions(layers.Conv2D, PLANE, groups=2),
    *on(PLANE, lambda: layers.Conv2D(6, 3, dilation_rate=2)),
    *convolutions(layers.Conv3D, VOLUME),
    *convolutions(layers.Conv1DTranspose, LINE),
    *convolutions(layers.Conv2DTranspose, PLANE),
    *convolutions(layers.Conv3DTranspose, VOLUME),
    *on(LINE, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    *on(PLANE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)),
    *on(PLANE, lambda: layers.DepthwiseConv2D(3, padding="same")),
    *on(LINE, lambda: layers.SeparableConv1D(6, 3)),
    *on(PLANE, lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, use_bias=False)),
    *on(LINE, lambda: layers.LSTM(3), lambda: layers.LSTM(3, use_bias=False)),
    *on(LINE, lambda: layers.GRU(3), lambda: layers.GRU(3, reset_after=False, use_bias=False)),
    *on(LINE, lambda: layers.GRU(3, use_bias=False), lambda: layers.SimpleRNN(3)),
    *on((3, 9, 4), lambda: layers.ConvLSTM1D(3, 3, padding="valid")),
    *on((3, *PLANE), lambda: layers.ConvLSTM2D(3, 3, padding="same")),
    *on((3, *VOLUME), lambda: layers.ConvLSTM3D(3, 2, use_bias=False)),
    *on(LINE, lambda: layers.Bidirectional(layers.LSTM(3))),
    *on(LINE, lambda: layers.Bidirectional(layers.GRU(3, use_bias=False), merge_mode="sum")),
    *on(LINE, both(lambda x, mha=None: layers.MultiHeadAttention(2, 3)(x, x))),
    *on(LINE, both(lambda x, y: layers.MultiHeadAttention(2, 3, use_bias=False)(x, y)), n=2),
    *on(LINE, both(lambda q, v, k: layers.MultiHeadAttention(2, 3)(q, v, key=k)), n=3),
    *on((3, 9, 4), lambda: layers.TimeDistributed(layers.Dense(5))),
    *on((3, *PLANE), lambda: layers.TimeDistributed(layers.Conv2D(5, 3, use_bias=False))),
    *on(PLANE, layers.ActivityRegularization, layers.Identity, lambda: layers.Dropout(0.5)),
    *on(PLANE, lambda: layers.AlphaDropout(0.5), lambda: layers.GaussianDropout(0.5)),
    *on(PLANE, lambda: layers.GaussianNoise(0.5), lambda: layers.SpatialDropout2D(0.5)),
    *on(LINE, lambda: layers.SpatialDropout1D(0.5)),
    *on(VOLUME, lambda: layers.SpatialDropout3D(0.5)),
    *on(PLANE, layers.ReLU, lambda: layers.ReLU(negative_slope=0.1), lambda: layers.ReLU(6)),
    *on(PLANE, lambda: layers.LeakyReLU(0.3), lambda: layers.ReLU(threshold=0.5)),
    *on(PLANE, lambda: layers.PReLU("uniform"), lambda: layers.Activation("relu")),
    *on(PLANE, lambda: layers.Activation("leaky_relu"), lambda: layers.Activation("linear")),
    *on(PLANE, lambda: layers.Activation("gelu")),
    *on(PLANE, both(ops.relu), both(lambda x: ops.leaky_relu(x, 0.3))),
    *on(
        LINE,
        lambda: layers.AveragePooling1D(2),
        lambda: layers.MaxPooling1D(2),
        layers.ZeroPadding1D,
    ),
    *on(LINE, layers.Cropping1D, layers.UpSampling1D, layers.GlobalAveragePooling1D),
    *on(LINE, layers.GlobalMaxPooling1D),
    *on(PLANE, lambda: layers.AveragePooling2D(2), lambda: layers.MaxPooling2D(3, padding="same")),
    *on(PLANE, lambda: layers.AveragePooling2D(3, 1, padding="same"), layers.ZeroPadding2D),
    *on(PLANE, layers.Cropping2D, lambda: layers.UpSampling2D(interpolation="bilinear")),
    *on(PLANE, layers.UpSampling2D, lambda: layers.UpSampling2D(interpolation="bicubic")),
    *on(PLANE, layers.GlobalAveragePooling2D, lambda: layers.GlobalMaxPooling2D(keepdims=True)),
    *on(
        VOLUME,
        lambda: layers.AveragePooling3D(2),
        lambda: layers.MaxPooling3D(2),
        layers.ZeroPadding3D,
    ),
    *on(VOLUME, layers.Cropping3D, layers.UpSampling3D, layers.GlobalAveragePooling3D),
    *on(VOLUME, layers.GlobalMaxPooling3D),
    *on(PLANE, both(lambda x: ops.mean(x, (1, 2))), both(lambda x: ops.max(x, 1, keepdims=True))),
    *on(PLANE, both(lambda x: ops.sum(x, 2)), both(lambda x: ops.sum(x, (1, 2), keepdims=True))),
    *on(PLANE, layers.Flatten, lambda: layers.Reshape((64, 4)), lambda: layers.Reshape((4, 64))),
    *on(PLANE, lambda: layers.Flatten(data_format="channels_first")),
    *on(PLANE, lambda: layers.Permute((3, 1, 2)), both(lambda x: ops.transpose(x, (0, 2, 3, 1)))),
    *on(PLANE, both(lambda x: ops.reshape(x, (-1, 64, 4))), both(lambda x: ops.expand_dims(x, 1))),
    *on((1, 4), both(lambda x: ops.squeeze(x, 1))),
    *on((4,), lambda: layers.RepeatVector(3)),
    *on(PLANE, merge(layers.Add), merge(layers.Average), n=3),
    *on(PLANE, merge(layers.Subtract), both(lambda x, y: x + y), both(lambda x, y: x - y), n=2),
    *on(PLANE, merge(layers.Multiply), both(lambda x, y: x * y), merge(layers.Maximum), n=2),
    *on(PLANE, merge(layers.Minimum), merge(layers.Concatenate), n=3),
    *on(PLANE, merge(lambda: layers.Concatenate(axis=1)), n=2),
    *on(PLANE, both(lambda x, y: ops.concatenate([x, y], -1)), n=2),
]


def build(example, dtype="float64"):
    """A model of that one layer, its weights (statistics too) random."""
    shapes, maker = example
    keras.config.set_dtype_policy(dtype)
    try:
        inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
        model = keras.Model(inputs, maker()(*inputs))
    finally:
        keras.config.set_dtype_policy("float32")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.uniform(0.2, 1.0, weight.shape) * rng.choice([-1, 1], weight.shape))
        if "variance" in weight.name:
            weight.assign(np.abs(weight))
    return model
