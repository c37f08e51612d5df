"""One small model of Keras 2 for each of its layers, with random weights."""

from collections.abc import Callable

import numpy as np
import tf_keras
from tf_keras import layers as L

IMAGE, SEQUENCE, VECTOR = (9, 8, 4), (6, 4), (5,)
VOLUME, MAPS = (5, 6, 4, 2), (3, 6, 6, 2)

Make = Callable[[], "L.Layer"]

ONE_INPUT: dict[str, tuple[tuple[int, ...], Make]] = {
    "Activation": (VECTOR, lambda: L.Activation("relu")),
    "Activation hard_sigmoid": (VECTOR, lambda: L.Activation("hard_sigmoid")),
    **{
        f"Dense {name}": (VECTOR, lambda name=name: L.Dense(3, activation=name))
        for name in (
            *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "mish", "relu"),
            *("relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "swish", "tanh"),
            "log_softmax",
        )
    },
    "ActivityRegularization": (VECTOR, lambda: L.ActivityRegularization(0.1)),
    "AlphaDropout": (VECTOR, lambda: L.AlphaDropout(0.3)),
    "AveragePooling1D": (SEQUENCE, lambda: L.AveragePooling1D(2, padding="same")),
    "AveragePooling2D": (IMAGE, lambda: L.AveragePooling2D(2, padding="same")),
    "AveragePooling3D": (VOLUME, lambda: L.AveragePooling3D(2)),
    "BatchNormalization": (IMAGE, lambda: L.BatchNormalization(epsilon=0.01)),
    "BatchNormalization axis 1": (IMAGE, lambda: L.BatchNormalization(axis=1, scale=False)),
    "BatchNormalization two axes": (IMAGE, lambda: L.BatchNormalization(axis=[1, 3])),
    "BatchNormalization renorm": (IMAGE, lambda: L.BatchNormalization(renorm=True)),
    "BatchNormalization clipped": (
        IMAGE,
        lambda: L.BatchNormalization(
            renorm=True, renorm_clipping={"rmax": 3.0, "rmin": 0.3, "dmax": 5.0}
        ),
    ),
    "BatchNormalization frozen": (IMAGE, lambda: L.BatchNormalization(trainable=False)),
    "BatchNormalizationV1": (
        IMAGE, lambda: tf_keras.__internal__.layers.BatchNormalizationV1(renorm=True)
        if False else tf_keras.src.layers.BatchNormalizationV1(renorm=True),
    ),
    "SyncBatchNormalization": (
        IMAGE, lambda: L.BatchNormalization(synchronized=True),
    ),
    "CategoryEncoding": (VECTOR, lambda: L.CategoryEncoding(6, "multi_hot")),
    "CenterCrop": (IMAGE, lambda: L.CenterCrop(4, 5)),
    "Conv1D": (SEQUENCE, lambda: L.Conv1D(3, 3, dilation_rate=2, padding="causal")),
    "Conv1DTranspose": (SEQUENCE, lambda: L.Conv1DTranspose(3, 3, 2, padding="same")),
    "Conv2D": (IMAGE, lambda: L.Conv2D(6, 3, 2, "same", groups=2, activation="hard_sigmoid")),
    "Conv2DTranspose": (IMAGE, lambda: L.Conv2DTranspose(3, 3, 2, output_padding=1)),
    "Conv3D": (VOLUME, lambda: L.Conv3D(3, 2, use_bias=False)),
    "Conv3DTranspose": (VOLUME, lambda: L.Conv3DTranspose(3, 2, 2)),
    "ConvLSTM1D": (IMAGE, lambda: L.ConvLSTM1D(3, 3)),
    "ConvLSTM2D": (MAPS, lambda: L.ConvLSTM2D(3, 3, return_sequences=True)),
    "ConvLSTM3D": ((2, 4, 4, 4, 2), lambda: L.ConvLSTM3D(3, 3)),
    "Cropping1D": (SEQUENCE, lambda: L.Cropping1D((1, 2))),
    "Cropping2D": (IMAGE, lambda: L.Cropping2D(((1, 2), (0, 1)))),
    "Cropping3D": (VOLUME, lambda: L.Cropping3D(1)),
    "DepthwiseConv1D": (SEQUENCE, lambda: L.DepthwiseConv1D(3, depth_multiplier=2)),
    "DepthwiseConv2D": (IMAGE, lambda: L.DepthwiseConv2D(3, 2, "same")),
    "DepthwiseConv2D hard": (IMAGE, lambda: L.DepthwiseConv2D(3, activation="hard_sigmoid")),
    "Discretization": (VECTOR, lambda: L.Discretization([-1.0, 0.0, 1.0])),
    "Dropout": (VECTOR, lambda: L.Dropout(0.2)),
    "ELU": (VECTOR, lambda: L.ELU(0.7)),
    "EinsumDense": (SEQUENCE, lambda: L.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d")),
    "Embedding": (VECTOR, lambda: L.Embedding(10, 4, input_length=5)),
    "Embedding mask": (VECTOR, lambda: L.Embedding(10, 4, mask_zero=True)),
    "Flatten": (IMAGE, lambda: L.Flatten()),
    "GRU": (SEQUENCE, lambda: L.GRU(3)),
    "GRU before": (SEQUENCE, lambda: L.GRU(3, reset_after=False, return_sequences=True)),
    "GRU hard": (
        SEQUENCE, lambda: L.GRU(3, recurrent_activation="hard_sigmoid", go_backwards=True),
    ),
    "GRUCell": (SEQUENCE, lambda: L.RNN(L.GRUCell(3))),
    "GaussianDropout": (VECTOR, lambda: L.GaussianDropout(0.2)),
    "GaussianNoise": (VECTOR, lambda: L.GaussianNoise(0.2)),
    "GlobalAveragePooling1D": (SEQUENCE, lambda: L.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": (IMAGE, lambda: L.GlobalAveragePooling2D(keepdims=True)),
    "GlobalAveragePooling3D": (VOLUME, lambda: L.GlobalAveragePooling3D()),
    "GlobalMaxPooling1D": (SEQUENCE, lambda: L.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": (IMAGE, lambda: L.GlobalMaxPooling2D()),
    "GlobalMaxPooling3D": (VOLUME, lambda: L.GlobalMaxPooling3D()),
    "GroupNormalization": (IMAGE, lambda: L.GroupNormalization(2)),
    "Identity": (VECTOR, lambda: L.Identity()),
    "IntegerLookup": (VECTOR, lambda: L.IntegerLookup(vocabulary=[3, 1, 2, 7])),
    "LSTM": (SEQUENCE, lambda: L.LSTM(3)),
    "LSTM hard": (
        SEQUENCE, lambda: L.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True),
    ),
    "LSTM unrolled": (SEQUENCE, lambda: L.LSTM(3, unroll=True)),
    "LSTMCell": (SEQUENCE, lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)),
    "LayerNormalization": (IMAGE, lambda: L.LayerNormalization()),
    "LayerNormalization axes": (IMAGE, lambda: L.LayerNormalization(axis=[2, 3])),
    "LeakyReLU": (VECTOR, lambda: L.LeakyReLU(0.2)),
    "Masking": (SEQUENCE, lambda: L.Masking(0.0)),
    "MaxPooling1D": (SEQUENCE, lambda: L.MaxPooling1D(2)),
    "MaxPooling2D": (IMAGE, lambda: L.MaxPooling2D(3, 2, "same")),
    "MaxPooling3D": (VOLUME, lambda: L.MaxPooling3D(2)),
    "Normalization": (IMAGE, lambda: L.Normalization()),
    "Normalization given": (VECTOR, lambda: L.Normalization(mean=2.0, variance=3.0)),
    "PReLU": (IMAGE, lambda: L.PReLU(shared_axes=[1, 2])),
    "Permute": (IMAGE, lambda: L.Permute((3, 1, 2))),
    "RandomBrightness": (IMAGE, lambda: L.RandomBrightness(0.2)),
    "RandomContrast": (IMAGE, lambda: L.RandomContrast(0.2)),
    "RandomCrop": (IMAGE, lambda: L.RandomCrop(4, 4)),
    "RandomFlip": (IMAGE, lambda: L.RandomFlip()),
    "RandomHeight": (IMAGE, lambda: L.RandomHeight(0.2)),
    "RandomRotation": (IMAGE, lambda: L.RandomRotation(0.2)),
    "RandomTranslation": (IMAGE, lambda: L.RandomTranslation(0.2, 0.1)),
    "RandomWidth": (IMAGE, lambda: L.RandomWidth(0.2)),
    "RandomZoom": (IMAGE, lambda: L.RandomZoom(0.2)),
    "ReLU": (VECTOR, lambda: L.ReLU(6.0, 0.1, 0.2)),
    "RepeatVector": (VECTOR, lambda: L.RepeatVector(3)),
    "Rescaling": (VECTOR, lambda: L.Rescaling(0.5, 1.0)),
    "Reshape": (VECTOR, lambda: L.Reshape((5, 1))),
    "Resizing": (IMAGE, lambda: L.Resizing(5, 7)),
    "Resizing nearest": (IMAGE, lambda: L.Resizing(12, 7, "nearest", True)),
    "SeparableConv1D": (SEQUENCE, lambda: L.SeparableConv1D(3, 2)),
    "SeparableConv2D": (IMAGE, lambda: L.SeparableConv2D(3, 3, activation="hard_sigmoid")),
    "SimpleRNN": (SEQUENCE, lambda: L.SimpleRNN(3, activation="hard_sigmoid")),
    "SimpleRNNCell": (SEQUENCE, lambda: L.RNN(L.SimpleRNNCell(3))),
    "Softmax": (IMAGE, lambda: L.Softmax(axis=[1, 2])),
    "SpatialDropout1D": (SEQUENCE, lambda: L.SpatialDropout1D(0.2)),
    "SpatialDropout2D": (IMAGE, lambda: L.SpatialDropout2D(0.2)),
    "SpatialDropout3D": (VOLUME, lambda: L.SpatialDropout3D(0.2)),
    "ThresholdedReLU": (VECTOR, lambda: L.ThresholdedReLU(0.4)),
    "TimeDistributed": (SEQUENCE, lambda: L.TimeDistributed(L.Dense(3))),
    "TimeDistributed norm": (IMAGE, lambda: L.TimeDistributed(L.BatchNormalization())),
    "TimeDistributed model": (
        IMAGE,
        lambda: L.TimeDistributed(
            tf_keras.Sequential([L.Conv1D(3, 2, input_shape=(8, 4)), L.BatchNormalization()])
        ),
    ),
    "UnitNormalization": (VECTOR, lambda: L.UnitNormalization()),
    "UpSampling1D": (SEQUENCE, lambda: L.UpSampling1D(2)),
    "UpSampling2D": (IMAGE, lambda: L.UpSampling2D(2, interpolation="bilinear")),
    "UpSampling3D": (VOLUME, lambda: L.UpSampling3D(2)),
    "ZeroPadding1D": (SEQUENCE, lambda: L.ZeroPadding1D(2)),
    "ZeroPadding2D": (IMAGE, lambda: L.ZeroPadding2D(((1, 0), (2, 1)))),
    "ZeroPadding3D": (VOLUME, lambda: L.ZeroPadding3D(1)),
    "Bidirectional LSTM": (SEQUENCE, lambda: L.Bidirectional(L.LSTM(3, return_sequences=True))),
    "Bidirectional GRU": (
        SEQUENCE,
        lambda: L.Bidirectional(
            L.GRU(3, recurrent_activation="hard_sigmoid"), merge_mode="sum",
            backward_layer=L.GRU(3, go_backwards=True),
        ),
    ),
}  # fmt: skip
SEVERAL_INPUTS: dict[str, tuple[tuple[tuple[int, ...], ...], Make]] = {
    "Add": ((VECTOR, VECTOR, VECTOR), lambda: L.Add()),
    "AdditiveAttention": ((SEQUENCE, SEQUENCE), lambda: L.AdditiveAttention()),
    "Attention": ((SEQUENCE, SEQUENCE), lambda: L.Attention(use_scale=True)),
    "Attention concat": (
        (SEQUENCE, SEQUENCE), lambda: L.Attention(score_mode="concat"),
    ),
    "Average": ((VECTOR, VECTOR), lambda: L.Average()),
    "Concatenate": ((IMAGE, IMAGE), lambda: L.Concatenate(axis=1)),
    "Dot": ((SEQUENCE, SEQUENCE), lambda: L.Dot((2, 2), normalize=True)),
    "HashedCrossing": (((1,), (1,)), lambda: None),
    "Maximum": ((VECTOR, VECTOR), lambda: L.Maximum()),
    "Minimum": ((VECTOR, VECTOR), lambda: L.Minimum()),
    "Multiply": ((VECTOR, VECTOR), lambda: L.Multiply()),
    "Subtract": ((VECTOR, VECTOR), lambda: L.Subtract()),
}  # fmt: skip
del SEVERAL_INPUTS["HashedCrossing"]
INTEGERS = ("Embedding", "Embedding mask", "CategoryEncoding", "IntegerLookup")
NAMES = [*ONE_INPUT, *SEVERAL_INPUTS, "MultiHeadAttention", "LSTM state"]


def make(name: str, dtype: str = "float32") -> tf_keras.Model:
    """The layer between its inputs and the model's output."""
    kind = "int32" if name in INTEGERS else dtype
    if name in ONE_INPUT:
        shape, layer = ONE_INPUT[name]
        inputs = [L.Input(shape, dtype=kind)]
        return randomized(tf_keras.Model(inputs, layer()(inputs[0])))
    if name == "MultiHeadAttention":
        inputs = [L.Input(SEQUENCE), L.Input((3, 4))]
        attention = L.MultiHeadAttention(2, 3, value_dim=5, output_shape=7)
        return randomized(tf_keras.Model(inputs, attention(inputs[0], inputs[1])))
    if name == "LSTM state":
        inputs = [L.Input(SEQUENCE), L.Input((3,)), L.Input((3,))]
        states = L.LSTM(3, return_state=True)(inputs[0], initial_state=inputs[1:])
        return randomized(tf_keras.Model(inputs, states))
    shapes, layer = SEVERAL_INPUTS[name]
    inputs = [L.Input(shape, dtype=dtype) for shape in shapes]
    return randomized(tf_keras.Model(inputs, layer()(inputs)))


def randomized(model: tf_keras.Model, seed: int = 0) -> tf_keras.Model:
    """Random weights, statistics and negative gammas included."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        name = variable.name.rpartition("/")[2].partition(":")[0]
        if not variable.dtype.is_floating or name == "StateVar":
            continue
        values = generator.normal(scale=0.7, size=variable.shape)
        if any(word in name for word in ("variance", "stddev")):
            values = np.abs(values) + 0.3
        variable.assign(values.astype(variable.dtype.as_numpy_dtype))
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization):
            layer.finalize_state()
    return model


def examples(model: tf_keras.Model, seed: int = 1) -> list[np.ndarray]:
    """Three random examples for each input."""
    generator = np.random.default_rng(seed)
    arrays = []
    for tensor in model.inputs:
        shape = (3, *(size or 7 for size in tensor.shape[1:]))
        whole = tensor.dtype.is_integer
        arrays.append(generator.integers(0, 6, shape) if whole else generator.normal(size=shape))
    return [
        array.astype(t.dtype.as_numpy_dtype) for array, t in zip(arrays, model.inputs, strict=True)
    ]
