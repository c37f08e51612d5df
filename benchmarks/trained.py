"""Networks of `keras.applications` that have learned to read scikit-learn's handwritten digits."""

import keras
import numpy as np

from export.demo.digits import digits
from fleras import recalibrate

SIZE = 32


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The digits as images [n, 32, 32, 1] with labels: for training, then for testing."""
    x_train, y_train, x_test, y_test = digits()
    return enlarged(x_train), y_train, enlarged(x_test), y_test


def enlarged(x: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.image.resize(x, (SIZE, SIZE)))


def trained(name: str, x: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    """The network after some epochs, with exact moving statistics; its outputs are logits."""
    keras.utils.set_random_seed(0)
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=x.shape[1:], classes=10, classifier_activation=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    recalibrate(model, x[:256], verbose=False)
    return model
