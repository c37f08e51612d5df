"""Trains, exports, and reads the test digits with every file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.base.errors import InputError
from export.base.paths import given_path
from export.benchmark import interleaved
from export.demo.digits import Digits, digits
from export.demo.train import train
from export.formats import SUFFIXES, open_artifact
from export.options import Options
from export.pipeline import Exported, export
from export.publishing.publish import FOLDED

MODEL = "model.keras"


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


def demonstrate(
    directory: Path, overwrite: bool, announce: Callable[[str], None]
) -> tuple[Exported, list[Row]]:
    """Trains, saves `model.keras` into `directory`, exports it there and measures every file.

    Raises:
        InputError: scikit-learn is missing, or files are in the way.
    """
    data = digits()
    path = given_path(directory) / MODEL
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; add --overwrite or choose another --output")
    announce("Starting TensorFlow")
    model = train(data, announce)
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)
    exported = export(path, directory, Options(overwrite=overwrite, trust=True), announce)
    announce("Reading the test digits with every file, and timing them")
    return exported, list(_rows(exported, directory, data))


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
    from fold.keras_graph.internals import all_layers

    return sum(hasattr(layer, "moving_variance") for layer in all_layers(model))


def _label(name: str) -> str:
    suffix = Path(name).suffix
    return f"{name}, {SUFFIXES[suffix].engine.name if suffix in SUFFIXES else 'Keras'}"
