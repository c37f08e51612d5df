"""Small networks, one per architecture, that have learned scikit-learn's digits to convergence."""

from collections.abc import Callable
from pathlib import Path

import keras
from keras import layers

from export.demo.digits import digits
from fleras import recalibrate

EPOCHS = 40
Tensor = keras.KerasTensor


def _conv(x: Tensor, filters: int, size: int = 3, strides: int = 1) -> Tensor:
    return layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)


def _normed(x: Tensor, act: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    x = layers.BatchNormalization(momentum=0.9)(x)
    return act(x) if act else x


def plain(x: Tensor) -> Tensor:
    """A residual network: convolution, batch norm, ReLU."""
    for filters, strides in ((16, 1), (32, 2), (48, 1)):
        short = _normed(_conv(x, filters, 1, strides))
        x = _normed(_conv(x, filters, 3, strides), layers.ReLU())
        x = _normed(_conv(x, filters))
        x = layers.ReLU()(layers.add([x, short]))
    return layers.GlobalAveragePooling2D()(x)


def depthwise(x: Tensor) -> Tensor:
    """Inverted residuals with ReLU6."""
    x = _normed(_conv(x, 16), layers.ReLU(6.0))
    for filters, strides in ((16, 1), (24, 2), (24, 1), (32, 1)):
        short = x
        x = _normed(_conv(x, 4 * filters, 1), layers.ReLU(6.0))
        x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        x = _normed(x, layers.ReLU(6.0))
        x = _normed(_conv(x, filters, 1))
        x = layers.add([x, short]) if x.shape == short.shape else x
    return layers.GlobalAveragePooling2D()(_normed(_conv(x, 96, 1), layers.ReLU(6.0)))


def hard_swish(x: Tensor) -> Tensor:
    """Depthwise blocks with hard-swish and squeeze-and-excitation."""
    act = layers.Activation("hard_swish")
    x = _normed(_conv(x, 16), act)
    for filters, strides in ((16, 1), (24, 2), (32, 1)):
        x = _normed(_conv(x, 3 * filters, 1), layers.Activation("hard_swish"))
        x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        x = _normed(x, layers.Activation("hard_swish"))
        gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
        gate = layers.Conv2D(filters, 1, activation="relu")(gate)
        gate = layers.Conv2D(3 * filters, 1, activation="hard_sigmoid")(gate)
        x = _normed(_conv(layers.multiply([x, gate]), filters, 1))
    return layers.GlobalAveragePooling2D()(x)


def preactivation(x: Tensor) -> Tensor:
    """Batch norm and ReLU in front of each convolution, on a residual stream."""
    x = _conv(x, 32)
    for strides in (1, 2, 1):
        inner = _normed(x, layers.ReLU())
        short = _conv(inner, 32, 1, strides) if strides > 1 else x
        inner = _normed(_conv(inner, 32, 3, strides), layers.ReLU())
        x = layers.add([_conv(inner, 32), short])
    return layers.GlobalAveragePooling2D()(_normed(x, layers.ReLU()))


def dense(x: Tensor) -> Tensor:
    """Each layer reads all before it, through a batch norm of its own."""
    x = _conv(x, 16)
    for block in range(2):
        for _ in range(4):
            new = _conv(_normed(x, layers.ReLU()), 24, 1)
            x = layers.concatenate([x, _conv(_normed(new, layers.ReLU()), 12)])
        if block == 0:
            x = layers.AveragePooling2D(2)(_conv(_normed(x, layers.ReLU()), 32, 1))
    return layers.GlobalAveragePooling2D()(_normed(x, layers.ReLU()))


def branches(x: Tensor) -> Tensor:
    """RepVGG: sums of a 3x3, a 1x1 and an identity branch."""
    for filters, strides in ((16, 1), (32, 2), (32, 1), (48, 2)):
        parts = [_normed(_conv(x, filters, size, strides)) for size in (3, 1)]
        if x.shape[-1] == filters and strides == 1:
            parts.append(_normed(x))
        x = layers.ReLU()(layers.add(parts))
    return layers.GlobalAveragePooling2D()(x)


def attention(x: Tensor) -> Tensor:
    """A small vision transformer over patches of 2x2 pixels."""
    x = layers.Reshape((16, 32))(layers.Conv2D(32, 2, 2)(x))
    for _ in range(2):
        inner = layers.LayerNormalization()(x)
        x = layers.add([x, layers.MultiHeadAttention(2, 16)(inner, inner)])
        inner = layers.Dense(64, activation="relu")(layers.LayerNormalization()(x))
        x = layers.add([x, layers.Dense(32)(inner)])
    return layers.Flatten()(layers.LayerNormalization()(x))


def sequence(x: Tensor) -> Tensor:
    """Convolutions over the rows of pixels in one dimension."""
    x = layers.Reshape((8, 8))(x)
    for filters in (32, 48, 64):
        x = layers.Conv1D(filters, 3, padding="same", use_bias=False)(x)
        x = _normed(x, layers.ReLU())
    return layers.Flatten()(x)


def recurrent(x: Tensor) -> Tensor:
    """An LSTM that reads the rows of pixels in turn."""
    return layers.LSTM(48)(layers.Reshape((8, 8))(x))


BODIES = {
    body.__name__: body
    for body in (
        plain,
        depthwise,
        hard_swish,
        preactivation,
        dense,
        branches,
        attention,
        sequence,
        recurrent,
    )
}


def trained(name: str, cache: Path) -> keras.Model:
    """The network of this name after training; its weights are kept in `cache`."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), name="image")
    model = keras.Model(image, layers.Dense(10, name="logits")(BODIES[name](image)), name=name)
    path = cache / f"{name}.weights.h5"
    if path.exists():
        model.load_weights(path)
        return model
    x, y, *_ = digits()
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * len(x) // 32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
    if any(isinstance(layer, layers.BatchNormalization) for layer in model.layers):
        recalibrate(model, x[:256], verbose=False)
    cache.mkdir(parents=True, exist_ok=True)
    model.save_weights(path)
    return model
