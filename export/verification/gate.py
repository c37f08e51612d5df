"""Decides whether a file may get its name: it loads, runs, is finite and agrees with the model."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from export.base.artifact import Port
from export.base.errors import ConversionError, NotEquivalent
from export.base.runtime import Arrays
from export.keras_model.open_sizes import size_in
from export.keras_model.ports import inputs, outputs
from export.processes import child
from export.verification.advice import where_worst, worst_of
from export.verification.comparison import Comparison, merge
from export.verification.engine import Engine
from export.verification.make_reference import with_truth, without_truth
from export.verification.precisions import precision_of
from export.verification.reference import Reference
from export.verification.replay import Answers, ask, judge, suitable
from export.verification.tolerances import Tolerances


class Gate:
    """What a file has to show: the verification of a few cases, or of all that are given.

    Args:
        engine: what runs the file.
        model: the model it was made from, in float32, with known inputs.
        batch: the file's fixed batch size, or None.
        allow_flex: whether operators of TensorFlow itself may be in it.
        examples: typical inputs by name, to run calibrated files on; they saturate beyond them.
        reference: what the model computes, where that is known already; else it is run here.
        tolerances: bounds in the place of the defaults.
    """

    def __init__(
        self,
        engine: Engine,
        model: keras.Model,
        batch: int | None,
        allow_flex: bool = False,
        examples: Arrays | None = None,
        reference: Reference | None = None,
        tolerances: Mapping[str, float | None] | None = None,
    ) -> None:
        self._engine = engine
        self._model = model
        self._batch = batch
        self._allow_flex = allow_flex
        self._examples = examples or {}
        self._reference = reference
        self._tolerances = dict(tolerances or {})
        self._made: dict[tuple[bool, bool], Reference] = {}

    def run_model(self, precisions: Iterable[str]) -> None:
        """Computes what files of these precisions are compared with, unless that is known."""
        for precision in precisions:
            self._reference_for(precision)

    @property
    def size(self) -> int:
        """What the files are tried at first, where the model leaves more than the batch open."""
        known = self._reference or next(iter(self._made.values()))
        return size_in(self._model, known.cases[0].inputs)

    def check(self, path: Path, precision: str) -> tuple[Comparison, list[str]]:
        """Raises ConversionError or NotEquivalent unless the file is what it should be.

        Returns:
            The comparison, and the operators of TensorFlow itself that the installed runtime has
            not; with any, the file was not run and its numbers are not known.
        """
        bounds = precision_of(precision).tolerances.given(**self._tolerances)
        flex = child.call(
            f"the structural check of {path.name}",
            self._engine.check,
            path=path,
            allow_flex=self._allow_flex,
        )
        try:
            comparison = self._compare(path, precision, bounds)
        except ConversionError as error:
            if not flex or not self._engine.read_ports or self._engine.unlinked not in str(error):
                raise
            reading = f"reading {path.name}"
            self._check_ports(*child.call(reading, self._engine.read_ports, path=path))
            return Comparison(problems=(str(error),), tolerances=bounds), flex
        if not comparison:
            raise _not_equivalent(comparison)
        return comparison, []

    def _reference_for(self, precision: str) -> Reference:
        if self._reference is not None:
            return suitable(self._reference, precision)
        row = precision_of(precision)
        examples = self._examples if row.calibrated else {}
        key = bool(examples), row.by_batch
        if key not in self._made:
            made = without_truth(self._model, self._batch, examples, row.by_batch)
            self._made[key] = suitable(made, precision)
        return self._made[key]

    def _compare(self, path: Path, precision: str, bounds: Tolerances) -> Comparison:
        reference = self._reference_for(precision)
        settings = list(self._engine.settings)
        parts = [Comparison(warnings=reference.warnings, tolerances=bounds)]
        for setting in settings if self._reference is not None else settings[:1]:
            answers = ask(reference, path, self._engine, setting)
            self._check_ports(answers.inputs, answers.outputs)
            _check_finite(answers)
            parts.append(self._judge(reference, answers, bounds, setting))
        return merge(parts)

    def _judge(
        self, reference: Reference, answers: Answers, bounds: Tolerances, setting: str
    ) -> Comparison:
        """Against the model in float32 where no more is known, and in float64 if that fails."""
        comparison = judge(reference, answers, bounds, setting)
        if comparison or self._reference is not None:
            return comparison
        exact = with_truth(self._model, answers.cases)
        return judge(reference, replace(answers, cases=exact), bounds, setting)

    def _check_ports(self, found: tuple[Port, ...], made: tuple[Port, ...]) -> None:
        for kind, wanted, there in (
            ("input", inputs(self._model), found),
            ("output", outputs(self._model), made),
        ):
            have = {port.name: port for port in there}
            if have.keys() != {port.name for port in wanted}:
                raise ConversionError(
                    f"the file's {kind}s are {sorted(have)} instead of "
                    f"{sorted(port.name for port in wanted)}; "
                    f"every {kind} must take part in the model"
                )
            for port in wanted:
                self._check_port(kind, port, have[port.name])

    def _check_port(self, kind: str, wanted: Port, found: Port) -> None:
        shape = (self._batch, *wanted.shape[1:]) if wanted.shape else ()
        if not _fits(found, shape, wanted.dtype):
            raise ConversionError(
                f"{kind} {wanted.name!r} is {found.dtype}{found.shape} in the file and "
                f"{wanted.dtype}{shape} in the model; give the model fixed shapes"
            )


def _not_equivalent(comparison: Comparison) -> NotEquivalent:
    worst = worst_of(comparison)
    where = where_worst(worst) if worst else "; ".join(comparison.problems)
    error = NotEquivalent(
        f"the file does not compute what the model computes ({where}); it was not "
        "written, replace the layer or choose another precision, format or tolerance"
    )
    error.comparison = comparison
    return error


def _check_finite(answers: Answers) -> None:
    for case, result in zip(answers.cases, answers.results, strict=True):
        for name, value in result.items():
            if value.dtype.kind != "f" or np.isfinite(value).all():
                continue
            if np.isfinite(case.original[name]).all():
                raise ConversionError(
                    f"output {name!r} of the file has NaN or infinity where the model's is finite; "
                    "choose another precision or format"
                )


def _fits(port: Port, shape: tuple[int | None, ...], dtype: str) -> bool:
    """A dimension that either side leaves open fits any."""
    same = len(port.shape) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(port.shape, shape, strict=True)
    )
    return same and port.dtype == dtype
