"""The demo: a small network learns handwritten digits, is exported, and every file reads some."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.base.errors import InputError
from export.benchmark import interleaved
from export.formats import SUFFIXES, open_artifact
from export.options import Options
from export.pipeline import FOLDED, Exported, export

MODEL = "model.keras"
EPOCHS = 12
BATCH = 32
Digits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Row:
    """One line of the table at the end.

    Attributes:
        name: what ran, and in what.
        accuracy: share of test digits read right.
        error: largest absolute difference from the original in float64, over the test digits.
        size: of the file, in bytes.
        latency: median milliseconds for one image.
        batch_norms: layers or operations left.
    """

    name: str
    accuracy: float
    error: float
    size: int
    latency: float
    batch_norms: int


def digits(seed: int = 0) -> Digits:
    """scikit-learn's handwritten digits: 8 x 8 pixels, 1797 images, a fifth of them for testing.

    Returns:
        Training images, training labels, test images, test labels; images are [n, 8, 8, 1] in
        [0, 1].

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise InputError(
            "the demo needs scikit-learn for its images; pip install 'fleras[demo]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    x = (images / 16).astype("float32").reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(
        x, labels, test_size=0.2, random_state=seed, stratify=labels
    )
    return x_train, y_train, x_test, y_test


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


def train(data: Digits, say: Callable[[str], None]) -> Any:
    """Trains while the clipping relaxes from batch norm to the limits of the paper."""
    import keras

    from fleras import RenormClippingSchedule

    keras.utils.set_random_seed(0)
    x, y, *_ = data
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = RenormClippingSchedule(steps // 12, rmax_at=steps, dmax_at=2 * steps // 3)
    model = build(schedule.clipping)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(x, y, BATCH, EPOCHS, verbose=0, callbacks=[schedule, _announcer(say)])
    return model


def demonstrate(
    directory: Path, overwrite: bool, say: Callable[[str], None]
) -> tuple[Exported, list[Row]]:
    """Trains, saves `model.keras` into `directory`, exports it there and measures every file.

    Raises:
        InputError: scikit-learn is missing, or files are in the way.
    """
    data = digits()
    path = directory / MODEL
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; add --overwrite or choose another --output")
    say("Starting TensorFlow")
    model = train(data, say)
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)
    exported = export(path, directory, Options(overwrite=overwrite), say)
    say("Reading the test digits with every file, and timing them")
    return exported, list(_rows(exported, directory, data))


def _announcer(say: Callable[[str], None]) -> Any:
    import keras

    def announce(epoch: int, logs: dict[str, float]) -> None:
        say(f"Training, epoch {epoch + 1} of {EPOCHS}, accuracy {logs['accuracy']:.3f}")

    return keras.callbacks.LambdaCallback(on_epoch_end=announce)


def _rows(exported: Exported, directory: Path, data: Digits) -> Iterator[Row]:
    from fold.keras_graph.at_dtype import at_dtype

    *_, x, y = data
    runs = {MODEL: _keras_run(exported.original), FOLDED: _keras_run(exported.model)}
    left = {MODEL: _batch_norms(exported.original)}
    for artifact, _ in exported.artifacts:
        runs[artifact.path.name] = _file_run(directory / artifact.path.name)
    exact = _keras_run(at_dtype(exported.original, "float64"))(x.astype("float64"))
    calls = {name: _once(run, x[:1]) for name, run in runs.items()}
    for latency in interleaved(calls, batch=1, duration=0.5):
        name = latency.name
        scores = np.concatenate([runs[name](image[None]) for image in x])
        yield Row(
            _label(name),
            accuracy=float((scores.argmax(1) == y).mean()),
            error=float(np.abs(scores - exact).max()),
            size=(directory / name).stat().st_size,
            latency=latency.median,
            batch_norms=left.get(name, _batch_norms(exported.model)),
        )


def _once(run: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> Callable[[], Any]:
    return lambda: run(image)


def _keras_run(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    graph = tf.function(lambda image: model(image, training=False))
    return lambda image: graph(image).numpy()


def _file_run(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    runtime = open_artifact(path, threads=1)
    (source,), (target,) = runtime.inputs, runtime.outputs
    return lambda image: runtime({source.name: image})[target.name]


def _batch_norms(model: Any) -> int:
    return sum(hasattr(layer, "moving_variance") for layer in model._flatten_layers())


def _label(name: str) -> str:
    suffix = Path(name).suffix
    return f"{name}, {SUFFIXES[suffix].engine.name if suffix in SUFFIXES else 'Keras'}"
