"""At least one call of every layer of Keras that has no folding rule, and of common operations."""

from functools import partial

from keras import layers, ops

from tests.fold.examples import LINE, PLANE, VOLUME, both, on

IMAGE, ROW = (16, 16, 3), (4,)
FIRST = {"data_format": "channels_first"}
FRONT_LINE, FRONT_PLANE, FRONT_VOLUME = (4, 9), (4, 8, 9), (4, 5, 6, 7)
ACTIVATIONS = [
    *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu"),
    *("hard_tanh", "log_sigmoid", "log_softmax", "mish", "relu6", "selu", "sigmoid", "silu"),
    *("soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax"),
    *("squareplus", "tanh", "tanh_shrink"),
]
"""Two lack: Keras tells a wrong shape for `glu`, and `threshold` needs arguments."""

ATTENTION = [
    *on(LINE, both(lambda x, y: layers.AdditiveAttention()([x, y])), n=2),
    *on(LINE, both(lambda x, y: layers.Attention()([x, y])), n=2),
    *on(LINE, both(lambda x, y: layers.Attention(True, "concat")([x, y])), n=2),
    *on(LINE, both(lambda x: layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True))),
    *on(LINE, both(lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x))),
    *on(PLANE, both(lambda x: layers.MultiHeadAttention(2, 3, attention_axes=(1, 2))(x, x))),
]
SEQUENCES = [
    *on(LINE, layers.Masking, lambda: layers.GRU(3, return_sequences=True, go_backwards=True)),
    *on(LINE, lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)])),
    *on(LINE, lambda: layers.RNN(layers.SimpleRNNCell(3), return_sequences=True)),
    *on(LINE, lambda: layers.RNN(layers.StackedRNNCells([layers.LSTMCell(3)]))),
    *on(LINE, lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True))),
    *on((None, 4), lambda: layers.TimeDistributed(layers.Dense(5))),
    *on((None, *PLANE), lambda: layers.TimeDistributed(layers.Conv2D(5, 3))),
    *on((9,), lambda: layers.ReversibleEmbedding(7, 4), lambda: layers.Embedding(7, 4)),
    *on((64, 1), lambda: layers.STFTSpectrogram("log", 16, 8, 16)),
]
NORMALIZATIONS = [
    *on(ROW, layers.UnitNormalization, layers.RMSNormalization, layers.LayerNormalization),
    *on(PLANE, lambda: layers.GroupNormalization(2), lambda: layers.GroupNormalization(-1)),
    *on(PLANE, lambda: layers.LayerNormalization(axis=[1, 2, 3]), layers.RMSNormalization),
    *on(PLANE, lambda: layers.LayerNormalization(axis=1), lambda: layers.UnitNormalization(1)),
    *on(ROW, lambda: layers.SpectralNormalization(layers.Dense(3))),
]
CATEGORIES = [
    *on(ROW, lambda: layers.Discretization([-1.0, 0.0, 1.0], output_mode="one_hot")),
    *on(ROW, lambda: layers.Discretization([-1.0, 0.0, 1.0], output_mode="multi_hot")),
    *on(ROW, *(partial(layers.CategoryEncoding, 5, mode) for mode in ("multi_hot", "count"))),
    *on(ROW, lambda: layers.CategoryEncoding(5, "one_hot")),
]
IMAGES = [
    *on(IMAGE, lambda: layers.CenterCrop(8, 8), lambda: layers.CenterCrop(20, 20)),
    *on(IMAGE, lambda: layers.Resizing(8, 9), lambda: layers.Resizing(24, 20, "nearest")),
    *on(
        IMAGE, lambda: layers.Resizing(24, 20, "bicubic"), lambda: layers.Resizing(8, 5, "lanczos5")
    ),
    *on(IMAGE, lambda: layers.Resizing(7, 9, antialias=True)),
    *on((3, 9, 8), lambda: layers.Resizing(7, 12, "lanczos3", **FIRST)),
    *on(IMAGE, lambda: layers.Resizing(24, 20, crop_to_aspect_ratio=True)),
    *on(IMAGE, lambda: layers.Resizing(24, 20, pad_to_aspect_ratio=True)),
    *on(IMAGE, layers.AugMix, layers.AutoContrast, layers.CutMix, layers.MixUp),
    *on(IMAGE, layers.RandAugment, layers.RandomElasticTransform, layers.RandomErasing),
    *on(IMAGE, layers.RandomFlip, layers.RandomGaussianBlur, layers.RandomGrayscale),
    *on(IMAGE, layers.RandomInvert, layers.RandomPerspective, layers.Solarization),
    *on(IMAGE, *(partial(kind, 0.3) for kind in (layers.RandomBrightness, layers.RandomContrast))),
    *on(IMAGE, *(partial(kind, 0.3) for kind in (layers.RandomHue, layers.RandomSaturation))),
    *on(IMAGE, *(partial(kind, 0.3) for kind in (layers.RandomShear, layers.RandomSharpness))),
    *on(IMAGE, *(partial(kind, 0.3) for kind in (layers.RandomRotation, layers.RandomZoom))),
    *on(IMAGE, lambda: layers.RandomColorDegeneration(0.3), lambda: layers.RandomPosterization(4)),
    *on(IMAGE, lambda: layers.RandomTranslation(0.2, 0.2), lambda: layers.RandomColorJitter()),
]
POOLING = [
    *on(LINE, *(partial(layers.AdaptiveAveragePooling1D, n) for n in (3, 4))),
    *on(LINE, lambda: layers.AdaptiveMaxPooling1D(3)),
    *on(PLANE, *(partial(layers.AdaptiveAveragePooling2D, n) for n in (4, (3, 5)))),
    *on(PLANE, lambda: layers.AdaptiveMaxPooling2D(3)),
    *on(VOLUME, *(partial(layers.AveragePooling3D, n, 2, "same") for n in (2, (1, 3, 2)))),
    *on(VOLUME, *(partial(layers.MaxPooling3D, n, 1) for n in (2, (3, 1, 2)))),
    *on(FRONT_VOLUME, lambda: layers.MaxPooling3D(2, **FIRST)),
    *on(FRONT_PLANE, lambda: layers.AveragePooling2D(2, **FIRST)),
    *on(FRONT_PLANE, *(partial(k, **FIRST) for k in (layers.MaxPooling2D, layers.UpSampling2D))),
    *on(FRONT_PLANE, *(partial(k, **FIRST) for k in (layers.Cropping2D, layers.ZeroPadding2D))),
    *on(FRONT_PLANE, lambda: layers.GlobalAveragePooling2D(**FIRST)),
]
CONVOLUTIONS = [
    (shape, maker)
    for size, kind in (
        (FRONT_LINE, layers.Conv1D),
        (FRONT_PLANE, layers.Conv2D),
        (FRONT_VOLUME, layers.Conv3D),
        (FRONT_LINE, layers.Conv1DTranspose),
        (FRONT_PLANE, layers.Conv2DTranspose),
        (FRONT_PLANE, layers.SeparableConv2D),
    )
    for shape, maker in on(
        size,
        partial(kind, 6, 3, **FIRST),
        partial(kind, 6, 3, padding="same", activation="softmax", **FIRST),
    )
] + [
    (shape, maker)
    for size, kind in (
        (LINE, layers.Conv1DTranspose),
        (PLANE, layers.Conv2DTranspose),
        (VOLUME, layers.Conv3DTranspose),
    )
    for shape, maker in on(
        size,
        partial(kind, 5, 1, strides=2, padding="same"),
        partial(kind, 5, 2, strides=3),
        partial(kind, 5, 3, strides=2, output_padding=1),
        partial(kind, 5, 3, strides=3, padding="same", output_padding=1),
    )
]
OPERATIONS = [
    *on(ROW, *(partial(layers.Activation, name) for name in ACTIVATIONS), layers.ELU),
    *on(VOLUME, lambda: layers.PReLU("uniform"), lambda: layers.PReLU("uniform", shared_axes=[1])),
    *on(PLANE, layers.Softmax, lambda: layers.Softmax(axis=1), lambda: layers.Softmax((1, 2))),
    *on(LINE, both(lambda x, y: layers.Dot(2)([x, y])), n=2),
    *on(LINE, both(lambda x, y: layers.Dot(1, normalize=True)([x, y])), n=2),
    *on(PLANE, both(lambda x: ops.argmax(x, -1)), both(lambda x: ops.argmin(x, 1, True))),
    *on(PLANE, both(lambda x: ops.cumsum(x, 1)), both(lambda x: ops.flip(x, 1))),
    *on(PLANE, both(lambda x: ops.einsum("...c,cd->...d", x, ops.ones((4, 2))))),
    *on(PLANE, both(lambda x: ops.einsum("bijc,bijd->bcd", x, x))),
    *on(PLANE, both(lambda x: ops.expm1(x)), both(lambda x: ops.log1p(ops.abs(x)))),
    *on(PLANE, both(lambda x: ops.image.extract_patches(x, 2)), both(lambda x: ops.logsumexp(x))),
    *on(
        PLANE,
        both(lambda x: ops.norm(x, axis=-1)),
        both(lambda x: ops.pad(x, [[0, 0]] + [[1, 1]] * 3)),
    ),
    *on(PLANE, both(lambda x: ops.repeat(x, 2, 1)), both(lambda x: ops.sort(x, -1))),
    *on(PLANE, both(lambda x: ops.top_k(x, 2)[0]), both(lambda x: ops.where(x > 0, x, 2 * x))),
    *on(PLANE, both(lambda x: ops.var(x, (1, 2))), both(lambda x: x[:, ::2, 1:-1])),
]
EXAMPLES = (
    ATTENTION + SEQUENCES + NORMALIZATIONS + CATEGORIES + IMAGES + POOLING + CONVOLUTIONS
) + OPERATIONS

REFUSED = [
    ((VOLUME,), lambda: layers.AdaptiveAveragePooling3D(2), "tflite", r"built in \(AvgPool3D\)"),
    ((VOLUME,), lambda: layers.AdaptiveMaxPooling3D(2), "tflite", r"built in \(MaxPool3D\)"),
    ((IMAGE,), lambda: layers.RandomCrop(8, 8), "onnx", "shape"),
    ((ROW,), lambda: layers.Hashing(7), "onnx", r"no operator for \(StringToHashBucketFast\)"),
    ((ROW,), lambda: layers.IntegerLookup(vocabulary=[1, 2, 3]), "onnx", "in a table"),
    ((ROW,), lambda: layers.IntegerLookup(vocabulary=[1, 2, 3]), "tflite", "in a table"),
    (((64,),), lambda: layers.MelSpectrogram(16, 8, num_mel_bins=4), "onnx", "FFT"),
]  # fmt: skip
