"""Decides whether a file may get its name: it loads, runs, is finite and agrees with the model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from export.base.artifact import Port
from export.base.errors import ConversionError, InputError, NotEquivalent
from export.base.runtime import Arrays
from export.keras_model.output_scale import units
from export.keras_model.ports import inputs, outputs
from export.keras_model.random_inputs import draw
from export.keras_model.run import in_float64, run, wide
from export.processes import child
from export.verification.comparison import compare
from export.verification.engine import Engine
from export.verification.reference import Case, Reference

BATCHES = (1, 3)
LABELS = ("normal", "unit", "ones")
SIZES = (16, 32, 64, 128, 224)
SEED = 7


class Gate:
    """What a file has to show.

    Args:
        engine: what runs the file.
        model: the model it was made from, in float32, with known inputs.
        batch: the file's fixed batch size, or None.
        precision: of the file, see `export.verification.tolerances`.
        allow_flex: whether operators of TensorFlow itself may be in it.
        examples: typical batches to run instead of random ones; an "int8" file saturates beyond
            what it was calibrated with.
        reference: what the model computes, where that is known already; else it is run here.
    """

    def __init__(
        self,
        engine: Engine,
        model: keras.Model,
        batch: int | None,
        precision: str,
        allow_flex: bool = False,
        examples: Sequence[Arrays] = (),
        reference: Reference | None = None,
    ) -> None:
        self._engine = engine
        self._model = model
        self._batch = batch
        self._precision = precision
        self._allow_flex = allow_flex
        known = _drawn(reference, batch) if reference and not examples else ()
        self._known = [_as_named(case, model) for case in known]
        self._originals = [case.original for case in self._known]
        if self._known:
            self._feeds = [case.inputs for case in self._known]
            return
        sizes = BATCHES if batch is None else (batch,)
        if examples:
            self._feeds = [_first(examples, count) for count in sizes]
            return
        size = runnable(model)
        self._feeds = [
            draw(model, tuple(LABELS[i % len(LABELS)] for i in range(count)), SEED + count, size)
            for count in sizes
        ]

    def run_model(self) -> None:
        """Computes what the file's outputs are compared with, unless that is known."""
        if not self._originals:
            self._originals = [run(self._model, feeds) for feeds in self._feeds]

    def check(self, path: Path) -> list[str]:
        """Raises ConversionError or NotEquivalent unless the file is what it should be.

        Returns:
            Operators of TensorFlow itself that the installed runtime has not; with any, the file
            was not run and its numbers are not known.
        """
        flex = child.call(
            f"the structural check of {path.name}",
            self._engine.check,
            path=path,
            allow_flex=self._allow_flex,
        )
        engine, what = self._engine, f"running {path.name}"
        try:
            found, made = child.call(what, engine.ports, path=path)
            results = child.call(what, engine.run, path=path, batches=self._feeds)
        except ConversionError as error:
            if not flex or not engine.read_ports or engine.unlinked not in str(error):
                raise
            found, made = child.call(f"reading {path.name}", engine.read_ports, path=path)
            results = []
        self._check_ports("input", inputs(self._model), found)
        self._check_ports("output", outputs(self._model), made)
        self.run_model()
        for place, result in enumerate(results):
            self._check_numbers(place, result)
        return [] if results else flex

    def _check_ports(self, kind: str, wanted: tuple[Port, ...], found: tuple[Port, ...]) -> None:
        have = {port.name: port for port in found}
        if have.keys() != {port.name for port in wanted}:
            raise ConversionError(
                f"the file's {kind}s are {sorted(have)} instead of "
                f"{sorted(port.name for port in wanted)}; every {kind} must take part in the model"
            )
        for port in wanted:
            shape = (self._batch, *port.shape[1:]) if port.shape else ()
            if not _fits(have[port.name], shape, port.dtype):
                raise ConversionError(
                    f"{kind} {port.name!r} is {have[port.name].dtype}{have[port.name].shape} in "
                    f"the file and {port.dtype}{shape} in the model; give the model fixed shapes"
                )

    def _check_numbers(self, place: int, result: Arrays) -> None:
        reference = self._originals[place]
        for name, value in result.items():
            if value.dtype.kind == "f" and np.isfinite(reference[name]).all():
                _check_finite(name, value)
        scales = units(self._model)
        if compare(reference, result, precision=self._precision, units=scales):
            return
        known = self._known[place] if self._known else None
        truth = known.truth if known else self._exact(self._feeds[place])
        comparison = compare(
            truth, result, original=reference, precision=self._precision, units=scales
        )
        if not comparison:
            worst = max(comparison.figures, key=lambda figures: figures.excess)
            raise NotEquivalent(
                f"the file does not compute what the model computes ({str(worst).strip()}); "
                "no file was written, replace the layer or choose another precision or format"
            )

    def _exact(self, feeds: Arrays) -> Arrays:
        twin, _ = in_float64(self._model, feeds)
        names = [port.name for port in outputs(self._model)]
        return dict(zip(names, run(twin, wide(feeds)).values(), strict=True))


def _drawn(reference: Reference, batch: int | None) -> tuple[Case, ...]:
    """The single example and the batch that every reference begins with, without stress."""
    return replace(reference, cases=reference.cases[:2]).typical().at_batch(batch)


def _as_named(case: Case, model: keras.Model) -> Case:
    """The case by the model's own names: folding can take the layer that named an output."""
    into, out = ([port.name for port in ports(model)] for ports in (inputs, outputs))
    return Case(
        case.labels,
        dict(zip(into, case.inputs.values(), strict=True)),
        dict(zip(out, case.truth.values(), strict=True)),
        dict(zip(out, case.original.values(), strict=True)),
    )


def _first(examples: Sequence[Arrays], count: int) -> Arrays:
    """A batch of the first `count` examples, repeated where there are fewer."""
    return {
        name: np.resize(
            np.concatenate([each[name] for each in examples]), (count, *value.shape[1:])
        )
        for name, value in examples[0].items()
    }


def _check_finite(name: str, value: np.ndarray) -> None:
    if not np.isfinite(value).all():
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


def runnable(model: keras.Model) -> int:
    """The smallest size for open dimensions at which the model runs."""
    if all(None not in port.shape[1:] for port in inputs(model)):
        return SIZES[0]
    for size in SIZES:
        try:
            run(model, draw(model, ("ones",), SEED, size))
        except Exception:
            continue
        return size
    raise InputError(f"the model runs at none of the sizes {SIZES}; give its input a fixed shape")
