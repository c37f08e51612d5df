"""One conversion for all precisions that are made of the same model."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from export.base.runtime import Arrays
from export.conversion.writer import Conversion, Writer
from export.keras_model.calibration import Calibration
from export.keras_model.equalized import equalized
from export.processes import child
from export.tensorflow_graph.trace import trace
from export.verification.gate import Gate
from export.verification.precisions import precision_of


class Conversions:
    """The conversions of a model; precisions with integer activations share one of their own.

    Args:
        writer: the format with its settings.
        model: in float32, with known ports.
        precisions: those that will be asked for.
        calibration: where one of them needs it.
        directory: for temporary files.
    """

    def __init__(
        self,
        writer: Writer,
        model: keras.Model,
        precisions: Sequence[str],
        calibration: Calibration,
        directory: Path,
    ) -> None:
        self._writer = writer
        self._model = model
        self._precisions = precisions
        self._calibration = calibration
        self._directory = directory
        self._made: dict[bool, Any] = {}

    @cached_property
    def batches(self) -> Sequence[Arrays]:
        """Of the calibration, as the file takes them."""
        size = self._writer.batch or 1
        return self._calibration.batches(size) if self._calibration.examples else []

    def of(self, precision: str, gate: Gate) -> Any:
        """What the writer converted for this precision."""
        kind = precision_of(precision).calibrated
        if kind not in self._made:
            same = [p for p in self._precisions if precision_of(p).calibrated is kind]
            source = self._equalized if kind else self._model
            self._made[kind] = self.convert(source, gate, same, self._directory)
        return self._made[kind]

    def is_made(self, precision: str) -> bool:
        """Whether the conversion of this precision succeeded."""
        return precision_of(precision).calibrated in self._made

    def convert(
        self, model: keras.Model, gate: Gate, precisions: Sequence[str], directory: Path
    ) -> Any:
        """Converts a model in the child while the gate runs the one it stands for."""
        writer = self._writer
        traced = trace(model, writer.batch, writer.name)
        given = Conversion(traced, model, precisions, self.batches, directory)
        return child.meanwhile(
            lambda: gate.run_model(precisions),
            lambda: writer.convert(given),
        )

    @cached_property
    def notes(self) -> list[str]:
        """What became of the equalization, where there is anything to say."""
        return []

    @cached_property
    def _equalized(self) -> keras.Model:
        model, refusal = equalized(self._model, self._calibration.examples)
        if refusal:
            self.notes.append(refusal)
        return model
