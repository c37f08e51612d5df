"""Decides whether a file may get its name: it loads, runs, is finite and agrees with the model."""

from pathlib import Path

import keras
import numpy as np

from export import child, signature
from export.artifact import Port
from export.comparison import compare
from export.errors import ConversionError, NotEquivalent
from export.runtimes import Arrays

BATCHES = (1, 3)
FREE = 16


class Gate:
    """What the file will have to show.

    Args:
        original: the model as the user gave it.
        model: the same in float32, with known inputs.
        batch: the file's fixed batch size, or None.
        precision: of the file.
    """

    def __init__(
        self, original: keras.Model, model: keras.Model, batch: int | None, precision: str
    ) -> None:
        self._model = model
        self._precision = precision
        sizes = BATCHES if batch is None else (batch,)
        self._feeds = [draw(signature.inputs(model), size, seed) for seed, size in enumerate(sizes)]

    def check(self, path: Path) -> None:
        """Raises ConversionError or NotEquivalent unless the file is what it should be."""
        results = child.call(
            f"running {path.name}", "export.runtimes", "run", path=path, batches=self._feeds
        )
        for feeds, result in zip(self._feeds, results, strict=True):
            self._check_batch(feeds, result)

    def _check_batch(self, feeds: Arrays, result: Arrays) -> None:
        reference = self._reference(feeds)
        for name, value in result.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ConversionError(f"output {name!r} of the file is not finite")
        comparison = compare(reference, result, precision=self._precision)
        if not comparison:
            raise NotEquivalent(f"the file does not compute what the model computes: {comparison}")

    def _reference(self, feeds: Arrays) -> Arrays:
        result = self._model(signature.pack(self._model, feeds), training=False)
        return signature.unpack(self._model, result)


def draw(ports: tuple[Port, ...], batch: int, seed: int = 0) -> Arrays:
    """Random inputs: standard normal, or small integers; free dimensions become 16."""
    rng = np.random.default_rng(seed)
    feeds = {}
    for port in ports:
        shape = [batch, *(size or FREE for size in port.shape[1:])]
        whole = np.dtype(port.dtype).kind != "f"
        values = rng.integers(0, 2, shape) if whole else rng.normal(size=shape)
        feeds[port.name] = values.astype(port.dtype)
    return feeds
