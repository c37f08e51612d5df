"""Keras model to files of one format, one for each precision, from one conversion."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from export.base.artifact import Artifact
from export.base.errors import ConversionError, ExportError, InputError
from export.base.files import sha256
from export.conversion.conversions import Conversions
from export.conversion.outcome import Outcome
from export.conversion.requests import check_arguments, warn_of_noise
from export.conversion.writer import Target, Writer, WriteResult
from export.keras_model.calibration import NO_CALIBRATION, Calibration, calibration_of
from export.keras_model.prepare import Prepared, prepare
from export.loading.given import model_of
from export.processes import child
from export.tensorflow_graph.locate_error import write_or_blame
from export.transaction.stage import replacing
from export.verification.comparison import Comparison
from export.verification.gate import Gate
from export.verification.precisions import precision_of
from export.verification.reference import Reference
from fold.origins import origin_of

UNQUANTIZED = (
    "{1} is labelled {0}, but nothing in it is an integer: the model has no weights that the "
    "converter quantizes (it leaves those of fewer than 1,024 numbers); use float32"
)
UNRUN = (
    "NOT RUN and not compared: the file needs TensorFlow's own kernels ({}), which the "
    "installed {} has not; try it on a runtime with the Flex delegate before you rely on it"
)


def write_file(
    model: keras.Model | str | Path, path: Path, precision: str, writer: Writer, **settings: Any
) -> Artifact:
    """Writes one precision as `write_files` does.

    Raises:
        InputError: wrong arguments, an unbuilt model, or the file exists.
        ConversionError: the model can't be converted; the message names the layer.
        NotEquivalent: the file would not compute what the model computes. It is not written.
    """
    (outcome,) = write_files(model, {precision: path}, writer, **settings)
    if outcome.artifact is None:
        raise outcome.error or ExportError(f"{path.name} was not written")
    warn_of_noise(outcome)
    return outcome.artifact


def write_files(
    model: keras.Model | str | Path,
    paths: Mapping[str, Path],
    writer: Writer,
    *,
    calibration: Any = None,
    overwrite: bool = False,
    reference: Reference | None = None,
    tolerances: Mapping[str, float | None] | None = None,
    trust: bool = False,
) -> Iterator[Outcome]:
    """Writes each precision to its path, once its runtime agreed with the model.

    Args:
        model: any built Keras model, or the path of a saved one. It is not changed.
        paths: by precision.
        writer: the format with its settings.
        calibration: representative inputs, see `export.keras_model.calibration.calibration_of`.
        overwrite: whether files of these names may be replaced.
        reference: what the files must compute; by default what the model does on two batches.
        tolerances: bounds in the place of the defaults.
        trust: of the path of a model, see `export.load_model`.

    Yields:
        One outcome for each file: verified, or with the error that names the layer.

    Raises:
        InputError: wrong arguments, an unbuilt model, or a file exists.
    """
    rows = [precision_of(precision) for precision in paths]
    check_arguments(paths, writer, overwrite)
    child.start()
    given = model_of(model, trust)
    prepared = prepare(given)
    refused = _refused(writer, prepared.model, paths)
    data = NO_CALIBRATION
    if any(row.calibrated and row.name not in refused for row in rows):
        data = calibration_of(prepared.model, calibration, origin_of(given))
        data.batches(writer.batch or 1)
    job = _Job(writer, prepared, paths, refused, data, reference, dict(tolerances or {}))
    yield from job.outcomes(overwrite)


def _refused(
    writer: Writer, model: keras.Model, precisions: Iterable[str]
) -> dict[str, ExportError]:
    """The precisions of which it can be told before the conversion that there will be no file."""
    found: dict[str, ExportError] = {}
    for precision in precisions:
        try:
            writer.check(model, precision)
        except ConversionError as error:
            found[precision] = error
    return found


@dataclass(frozen=True)
class _Job:
    """The files to be written of one model."""

    writer: Writer
    prepared: Prepared
    paths: Mapping[str, Path]
    refused: Mapping[str, ExportError]
    calibration: Calibration
    reference: Reference | None
    tolerances: dict[str, float | None]

    def outcomes(self, overwrite: bool) -> Iterator[Outcome]:
        """Each file in turn; where the conversion that they share fails, all fail with it."""
        shared: dict[bool, ExportError] = {}
        for precision, path in self.paths.items():
            start = time.perf_counter()
            outcome = Outcome(path.name, self.writer.name, precision)
            kind = precision_of(precision).calibrated
            error = shared.get(kind) or self.refused.get(precision)
            if error is None:
                try:
                    artifact, comparison = self._write(precision, path, overwrite)
                    outcome = replace(outcome, artifact=artifact, comparison=comparison)
                except InputError:
                    raise
                except ExportError as failure:
                    error = failure
                    if not self._conversions.is_made(precision):
                        shared[kind] = failure
            if error is not None:
                outcome = replace(outcome, comparison=error.comparison, error=error)
            yield replace(outcome, seconds=time.perf_counter() - start)

    def _write(self, precision: str, path: Path, overwrite: bool) -> tuple[Artifact, Comparison]:
        """Writes one file, which gets its name when it is verified."""
        model = self.prepared.model
        with replacing(path, overwrite) as target:
            result, comparison, unrun = write_or_blame(
                model, target, lambda part, target: self._attempt(part, precision, target)
            )
            if precision_of(precision).calibrated:
                doubts = (*self.calibration.warnings, *comparison.warnings)
                comparison = replace(comparison, warnings=tuple(dict.fromkeys(doubts)))
            return self._artifact(precision, path, target, result, unrun), comparison

    @cached_property
    def _gate(self) -> Gate:
        return self._gate_of(self.prepared.model, self.reference)

    @cached_property
    def _conversions(self) -> Conversions:
        directory = next(iter(self.paths.values())).parent
        return Conversions(
            self.writer, self.prepared.model, tuple(self.paths), self.calibration, directory
        )

    def _attempt(
        self, model: keras.Model, precision: str, target: Path
    ) -> tuple[WriteResult, Comparison, list[str]]:
        """The whole model, or a part of it in search of the layer that is to blame."""
        if model is self.prepared.model:
            gate = self._gate
            converted = self._conversions.of(precision, gate)
        else:
            gate = self._gate_of(model, None)
            converted = self._conversions.convert(model, gate, (precision,), target.parent)
        batches = self._conversions.batches
        wanted = Target(model, precision, batches, target, gate.size)
        result = self.writer.write(converted, wanted)
        return result, *gate.check(target, precision)

    def _gate_of(self, model: keras.Model, reference: Reference | None) -> Gate:
        writer = self.writer
        return Gate(
            writer.engine,
            model,
            writer.batch,
            writer.allow_flex,
            self.calibration.held_out,
            reference,
            self.tolerances,
        )

    def _artifact(
        self, precision: str, path: Path, target: Path, result: WriteResult, unrun: list[str]
    ) -> Artifact:
        engine = self.writer.engine
        notes = [*self.prepared.notes, *self._conversions.notes]
        notes += [UNRUN.format(", ".join(unrun), engine.name)] if unrun else []
        if precision_of(precision).tolerances.min_sqnr is not None and not result.integers:
            notes.append(UNQUANTIZED.format(precision, path.name))
        return Artifact(
            path=path,
            format=self.writer.name,
            precision=precision,
            inputs=result.inputs,
            outputs=result.outputs,
            batch=self.writer.batch,
            opset=result.opset,
            ir_version=result.ir_version,
            size=sum(file.stat().st_size for file in (target, *result.files)),
            sha256=sha256(target),
            files={file.name: sha256(file) for file in result.files},
            operators=result.operators,
            notes=tuple(notes),
            ran=not unrun,
        )
