"""Small networks of the kinds that people deploy, each with batch norms."""

import keras
import numpy as np
from keras import layers, ops


def _chain(x, *steps):
    for step in steps:
        x = step(x)
    return x


def _block(filters, **options):
    convolution = layers.Conv2D(filters, 3, padding="same", use_bias=False, **options)
    return [convolution, layers.BatchNormalization(), layers.ReLU()]


def segmentation():
    """A U-Net over images of any size, with the class of each pixel as its output."""
    entry = keras.Input((None, None, 3))
    fine = _chain(entry, *_block(8))
    coarse = _chain(fine, layers.MaxPooling2D(), *_block(16), layers.Dropout(0.2))
    up = _chain(coarse, layers.Conv2DTranspose(8, 2, strides=2), layers.BatchNormalization())
    x = _chain(layers.Concatenate()([up, fine]), *_block(8), layers.Conv2D(4, 1))
    return keras.Model(entry, ops.argmax(x, axis=-1))


def text_reader():
    """Convolutions over an image, then recurrence along it."""
    entry = keras.Input((16, 32, 1), name="image")
    x = _chain(entry, *_block(8), layers.MaxPooling2D(4), layers.Permute((2, 1, 3)))
    x = _chain(x, layers.Reshape((8, 32)), layers.Dense(16), layers.BatchNormalization())
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    return keras.Model(entry, layers.Dense(11, "softmax")(layers.BatchNormalization()(x)))


def transformer():
    entry = keras.Input((12,), dtype="int32")
    x = layers.Embedding(50, 16)(entry) + layers.Embedding(12, 16)(ops.arange(12))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 8)(y, y, use_causal_mask=True)
    x = x + _chain(x, layers.BatchNormalization(), layers.Dense(32, "gelu"), layers.Dense(16))
    return keras.Model(entry, _chain(x, layers.GlobalAveragePooling1D(), layers.Dense(5)))


def wave():
    """Dilated causal convolutions with gates."""
    x = entry = keras.Input((32, 2))
    skips = []
    for rate in (1, 2, 4):
        convolution = layers.Conv1D(8, 2, padding="causal", dilation_rate=rate)
        both = _chain(x, convolution, layers.BatchNormalization())
        gated = ops.tanh(both[..., :4]) * ops.sigmoid(both[..., 4:])
        skips.append(layers.Conv1D(2, 1)(gated))
        x = x + skips[-1]
    return keras.Model(entry, _chain(layers.Add()(skips), layers.ReLU(), layers.Flatten()))


def siamese():
    """One network on two images."""
    entry = keras.Input((12, 12, 1))
    network = keras.Model(entry, _chain(entry, *_block(4), layers.Flatten(), layers.Dense(6)))
    left, right = keras.Input((12, 12, 1), name="left"), keras.Input((12, 12, 1), name="right")
    distance = ops.norm(network(left) - network(right), axis=-1, keepdims=True)
    return keras.Model({"left": left, "right": right}, {"distance": distance})


def video():
    entry = keras.Input((4, 12, 12, 3))
    convolution = layers.Conv3D(6, 3, padding="same")
    x = _chain(entry, convolution, layers.BatchNormalization(), layers.MaxPooling3D(2))
    frame = keras.Sequential([*_block(6), layers.GlobalAveragePooling2D()])
    return keras.Model(entry, _chain(x, layers.TimeDistributed(frame), layers.GRU(5)))


def generator():
    entry = keras.Input((8,))
    x = _chain(entry, layers.Dense(64), layers.BatchNormalization(), layers.Reshape((4, 4, 4)))
    for filters in (6, 3):
        up = layers.Conv2DTranspose(filters, 5, strides=2, padding="same", use_bias=False)
        x = _chain(x, up, layers.BatchNormalization(), layers.LeakyReLU())
    return keras.Model(entry, x)


def table():
    """Numbers that were normalised, a category, and one probability."""
    numbers, city = keras.Input((6,), name="numbers"), keras.Input((1,), dtype="int32", name="city")
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3, 2, (50, 6)))
    one_hot = layers.CategoryEncoding(9, "one_hot")(city)
    x = layers.Concatenate()([normalization(numbers), layers.Flatten()(one_hot)])
    x = _chain(x, layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1))
    return keras.Model([numbers, city], layers.Dense(1, "sigmoid", name="buys")(x))


def detector():
    """Boxes and scores from two scales."""
    entry = keras.Input((32, 32, 3))
    fine = _chain(entry, layers.Rescaling(1 / 255), *_block(8, strides=2))
    coarse = _chain(fine, *_block(8, strides=2))
    merged = layers.UpSampling2D()(coarse) + layers.BatchNormalization()(fine)
    heads = [layers.Reshape((-1, 6))(layers.Conv2D(6, 3)(x)) for x in (coarse, merged)]
    found = layers.Concatenate(axis=1)(heads)
    return keras.Model(entry, {"boxes": found[..., :4], "scores": ops.sigmoid(found[..., 4:])})


def excited():
    """Separable convolutions with a residual and squeeze-and-excitation."""
    entry = keras.Input((24, 24, 3))
    x = _chain(entry, layers.RandomFlip(), *_block(8, strides=2))
    separable = layers.SeparableConv2D(8, 3, padding="same")
    x = layers.Add()([x, _chain(x, separable, layers.BatchNormalization())])
    weight = _chain(x, layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(4, 1))
    weight = _chain(weight, layers.Activation("silu"), layers.Conv2D(8, 1, activation="sigmoid"))
    return keras.Model(entry, layers.GlobalMaxPooling2D()(x * weight))


def sound():
    entry = keras.Input((256, 1))
    spectrum = layers.STFTSpectrogram("magnitude", 64, 32, 64)(entry)
    x = _chain(spectrum, layers.BatchNormalization(), layers.Conv1D(8, 3), layers.ReLU())
    return keras.Model(entry, _chain(x, layers.BatchNormalization(), layers.Dense(4)))


ALL = [
    segmentation, text_reader, transformer, wave, siamese, video, generator, table, detector,
    excited, sound,
]  # fmt: skip
