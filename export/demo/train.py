"""A small network with batch renormalization, and its training."""

from collections.abc import Callable
from typing import Any

from export.demo.digits import Digits

EPOCHS = 12
BATCH = 32


def build(clipping: Any) -> Any:
    """Five convolutions with a batch renormalization each, one of them ahead of its activation."""
    import keras

    from fleras import BatchNormalization

    x = image = keras.Input((8, 8, 1), name="image")
    for filters, strides in ((16, 1), (32, 2), (32, 1)):
        x = keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        x = BatchNormalization(momentum=0.9, renorm_clipping=clipping)(x)
        x = keras.layers.ReLU()(x)
    skip = x
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = BatchNormalization(momentum=0.9, renorm_clipping=clipping)(x)
    x = keras.layers.Conv2D(32, 1, use_bias=False)(x)
    x = BatchNormalization(momentum=0.9, renorm_clipping=clipping)(x)
    x = keras.layers.ReLU()(keras.layers.Add()([x, skip]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10, name="digit")(x), name="digits")


def train(data: Digits, announce: Callable[[str], None]) -> Any:
    """Trains while the clipping relaxes from batch norm to the limits of the paper.

    Returns:
        The trained model without its optimizer, whose state would triple the size of its file.
    """
    import keras

    from fleras import RenormClippingSchedule

    keras.utils.set_random_seed(0)
    x, y, *_ = data
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = RenormClippingSchedule(steps // 12, rmax_at=steps, dmax_at=2 * steps // 3)
    model = build(schedule.clipping)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(x, y, BATCH, EPOCHS, verbose=0, callbacks=[schedule, _announcer(announce)])
    trained = build(schedule.clipping)
    trained.set_weights(model.get_weights())
    return trained


def _announcer(announce: Callable[[str], None]) -> Any:
    import keras

    def on_epoch_end(epoch: int, logs: dict[str, float]) -> None:
        announce(f"Training, epoch {epoch + 1} of {EPOCHS}, accuracy {logs['accuracy']:.3f}")

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
