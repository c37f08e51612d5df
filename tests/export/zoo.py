"""Small models, one for each thing that must export."""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from export.keras_model.prepare import prepare
from export.keras_model.random_inputs import draw
from sample_models.batch_norms import randomise


@keras.saving.register_keras_serializable("tests")
class Twice(layers.Layer):
    """A layer Keras does not know."""

    def call(self, x):
        return 2 * x


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(5, "relu"), layers.Dense(2)

    def call(self, x):
        return self.second(self.first(x))


def _chain(shape, *steps, **kwargs):
    x = entry = keras.Input(shape, **kwargs)
    for step in steps:
        x = step(x)
    return keras.Model(entry, x)


def gelu():
    return _chain(
        (6, 6, 3), layers.Conv2D(4, 3, activation="gelu"), layers.Flatten(), layers.Dense(3)
    )


@keras.saving.register_keras_serializable("tests")
class TanhGelu(layers.Layer):
    def call(self, x):
        return keras.ops.gelu(x, approximate=True)


def gelu_tanh():
    return _chain((5,), layers.Dense(4), TanhGelu(), layers.Dense(3))


def grouped_1d():
    return _chain((12, 4), layers.Conv1D(8, 3, groups=2, padding="same", activation="relu"))


def grouped_2d():
    return _chain((8, 8, 4), layers.Conv2D(8, 3, groups=4, strides=2, padding="same"))


def grouped_3d():
    return _chain((6, 6, 6, 4), layers.Conv3D(4, 3, groups=2, padding="same"))


def normalization():
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32"))
    return _chain((4,), layer, layers.Dense(3))


def rescaling():
    return _chain((8, 8, 3), layers.Rescaling([2, 3, 4], [1, 0, -1]), layers.Conv2D(2, 3))


def discretization():
    return _chain((4,), layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0]))


def augmentation():
    return _chain(
        (8, 8, 3),
        layers.RandomFlip(),
        layers.RandomRotation(0.2),
        layers.RandomZoom(0.2),
        layers.RandomContrast(0.3),
        layers.Conv2D(2, 3),
        layers.GlobalAveragePooling2D(),
    )


def sequential():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])


def several():
    one, two = keras.Input((4,), name="one"), keras.Input((3,), name="two")
    both = layers.Concatenate()([one, two])
    heads = [layers.Dense(n, name=name)(both) for n, name in ((2, "cls"), (3, "box"), (4, "aux"))]
    return keras.Model([one, two], heads)


def dictionary():
    entry = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
    both = layers.Add()(list(entry.values()))
    return keras.Model(entry, {"z": layers.Dense(2)(both), "y": layers.Dense(2)(entry["a"])})


def odd_names():
    entry = keras.Input((4,), name="my input: é")
    return keras.Model(entry, layers.Dense(2, name="out put#1")(entry), name="a model")


def same_output_twice():
    entry = keras.Input((4,))
    x = layers.Dense(3)(entry)
    return keras.Model(entry, [x, x, entry])


def lstm():
    return _chain((5, 3), layers.LSTM(4, return_sequences=True), layers.LSTM(3))


def gru():
    return _chain((5, 3), layers.GRU(4), layers.Dense(2))


def bidirectional():
    return _chain((5, 3), layers.Bidirectional(layers.LSTM(4)), layers.Dense(2))


def unrolled():
    return _chain((5, 3), layers.LSTM(4, unroll=True), layers.Dense(2))


def attention():
    entry = keras.Input((5, 8))
    x = layers.MultiHeadAttention(2, 4)(entry, entry)
    return keras.Model(entry, layers.LayerNormalization()(x + entry))


def embedding():
    return _chain(
        (6,),
        layers.Embedding(12, 8),
        layers.Conv1D(4, 3),
        layers.GlobalMaxPooling1D(),
        dtype="int32",
    )


def masked_embedding():
    return _chain((6,), layers.Embedding(12, 8, mask_zero=True), layers.LSTM(4), dtype="int32")


def upsampling():
    return _chain(
        (4, 4, 3),
        layers.Conv2D(4, 3, padding="same"),
        layers.UpSampling2D(2),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.Conv2D(2, 3),
    )


class Patches(layers.Layer):
    """Attention over windows reads an image so."""

    def __init__(self, size, **options):
        super().__init__()
        self.size, self.options = size, options

    def call(self, x):
        return keras.ops.image.extract_patches(x, self.size, **self.options)


def patches():
    return _chain(
        (7, 8, 3),
        layers.Conv2D(4, 3, padding="same"),
        Patches((3, 2), strides=1, padding="same"),
        Patches(2, dilation_rate=1),
    )


def transposed_1d():
    return _chain((6, 3), layers.Conv1DTranspose(4, 3, strides=2, padding="same"))


def transposed_2d():
    return _chain((5, 5, 3), layers.Conv2DTranspose(4, 3, strides=2, padding="same"))


def transposed_3d():
    return _chain((4, 4, 4, 2), layers.Conv3DTranspose(3, 3, strides=2, padding="same"))


def depthwise():
    return _chain(
        (8, 8, 3),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        layers.SeparableConv2D(4, 3, strides=2),
    )


def dilated():
    return _chain((12, 12, 3), layers.Conv2D(4, 3, dilation_rate=2, padding="same"))


def custom():
    return _chain((4,), layers.Dense(3), Twice(), layers.Dense(2))


def dynamic_size():
    return _chain(
        (None, None, 3), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.Conv2D(2, 1)
    )


def training_norm():
    entry = keras.Input((6, 6, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(entry), training=True)
    return keras.Model(entry, layers.Flatten()(x))


def norms():
    return _chain(
        (8, 8, 3),
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.DepthwiseConv2D(3),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, "softmax"),
    )


def channels_first():
    return _chain(
        (3, 8, 8),
        layers.Conv2D(4, 3, padding="same", activation="relu", data_format="channels_first"),
        layers.MaxPooling2D(data_format="channels_first"),
        layers.GlobalAveragePooling2D(data_format="channels_first"),
    )


def half_precision():
    with _policy("mixed_float16"):
        return norms()


def brain_float():
    with _policy("mixed_bfloat16"):
        return norms()


@contextmanager
def _policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 4), "float32"))
    return model


ALL = [
    gelu, gelu_tanh, grouped_1d, grouped_2d, grouped_3d, normalization, rescaling, discretization,
    augmentation, sequential, several, dictionary, odd_names, same_output_twice, lstm, gru,
    bidirectional, unrolled, attention, embedding, masked_embedding, upsampling, transposed_1d,
    transposed_2d, transposed_3d, depthwise, dilated, custom, dynamic_size, training_norm, norms,
    channels_first, patches, half_precision, brain_float, subclassed,
]  # fmt: skip


def classifier():
    """Large enough for its weights to be most of the file."""
    return _chain(
        (16, 16, 3),
        layers.Conv2D(16, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(256, "relu"),
        layers.Dense(10, "softmax"),
    )


def dense_on_images():
    """A block as in ConvNeXt: the channels of an image through dense layers."""
    entry = keras.Input((None, 8, 3))
    x = layers.Conv2D(8, 3, padding="same")(entry)
    y = layers.LayerNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    y = layers.Dense(8)(layers.Dense(16, "gelu")(y))
    return keras.Model(entry, layers.Conv2D(4, 3)(layers.Add()([x, y])))


def flattened():
    """An image flattened for dense layers, and once more beside numbers."""
    image, numbers = keras.Input((8, 8, 3)), keras.Input((4,))
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    y = layers.Concatenate()([layers.Flatten()(x), numbers])
    return keras.Model([image, numbers], [layers.Dense(5)(layers.Flatten()(x)), layers.Dense(3)(y)])


def padded_pool():
    return _chain(
        (8, 8, 3),
        layers.Conv2D(4, 3, use_bias=True, bias_initializer=keras.initializers.Constant(-9.0)),
        layers.ZeroPadding2D(1),
        layers.MaxPooling2D(3, strides=2),
    )


class Strange(layers.Layer):
    """Has an operator that ONNX has not."""

    def call(self, x):
        return tf.math.igamma(keras.ops.abs(x) + 1.0, keras.ops.abs(x) + 2.0)


def untranslatable():
    return _chain((4,), layers.Dense(3), Strange(name="strange"), layers.Dense(2))


class Inverse(layers.Layer):
    """Has an operator that TFLite has not built in."""

    def call(self, x):
        square = keras.ops.expand_dims(x, -1) * keras.ops.expand_dims(x, -2)
        return tf.linalg.inv(square + 4 * keras.ops.eye(3))


def flex():
    return _chain((4,), layers.Dense(3), Inverse(name="inverse"), layers.Flatten())


def build(maker, seed=0):
    """The model with fixed weights and random batch-norm statistics."""
    keras.utils.set_random_seed(seed)
    return randomise(maker(), seed)


def reference(model):
    """The model as it is converted: float32, with known inputs."""
    return prepare(model).model


def feeds(model, batch=1, seed=0):
    """Random inputs by name."""
    return draw(model, ("normal",) * batch, seed, 8)
