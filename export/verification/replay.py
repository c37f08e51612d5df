"""Replays reference cases on an artefact and compares; needs the runtime, not TensorFlow."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.base.artifact import Port
from export.base.errors import ConversionError
from export.processes.child import call
from export.verification.comparison import Comparison, compare, merge
from export.verification.engine import Engine
from export.verification.pooling import pool
from export.verification.precisions import precision_of, tolerances
from export.verification.reference import Arrays, Case, Reference
from export.verification.tolerances import Tolerances

Names = dict[str, str]
SECONDS = 600.0


@dataclass(frozen=True)
class Answers:
    """What a file gave.

    Attributes:
        inputs: its ports.
        outputs: its ports.
        cases: what went in, as the file's batch cut it.
        results: what came out, by the names of the reference.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    cases: tuple[Case, ...]
    results: tuple[Arrays, ...]


def replay(
    reference: Reference,
    path: Path,
    engine: Engine,
    *,
    precision: str = "float32",
    rtol: float | None = None,
    atol: float | None = None,
    min_sqnr: float | None = None,
    bounds: Tolerances | None = None,
) -> Comparison:
    """Runs the file in a child process on every case, with each setting of its runtime.

    The bounds are those of the precision with the given ones in their place, or all of `bounds`.

    Returns:
        The merged comparison. A runtime that refuses the file, crashes on it or takes more than ten
        minutes is a problem in it, not an exception.
    """
    bounds = bounds or tolerances(precision, rtol, atol, min_sqnr)
    reference = suitable(reference, precision)
    parts = []
    for setting in engine.settings:
        try:
            answers = ask(reference, path, engine, setting)
            parts.append(judge(reference, answers, bounds, setting))
        except ConversionError as error:
            parts.append(Comparison(problems=(f"{setting}: {error}",), tolerances=bounds))
    return merge([*parts, Comparison(warnings=reference.warnings, tolerances=bounds)])


def suitable(reference: Reference, precision: str) -> Reference:
    """Quantized files get the user's own examples, or no stress range, and no mixed batches.

    A runtime that rounds by the range of a batch can't tell a small example beside a large one.
    """
    row = precision_of(precision)
    if row.tolerances.min_sqnr is None:
        return reference
    typical = reference.typical()
    return typical.one_range_at_a_time() if row.by_batch else typical


def ask(reference: Reference, path: Path, engine: Engine, setting: str) -> Answers:
    """Runs the file in the child process.

    Raises:
        ConversionError: the runtime refuses the file, fails on it, or takes more than ten minutes.
    """
    return call(
        setting,
        answer,
        seconds=SECONDS,
        path=path.absolute(),
        engine=engine,
        reference=reference,
        optimize=engine.settings[setting],
    )


def answer(path: Path, engine: Engine, reference: Reference, optimize: bool) -> Answers:
    """Opens the file once and runs every case; called in the child process."""
    runtime = engine.open(path, optimize)
    inputs, outputs = runtime.inputs, runtime.outputs
    cases = reference.at_batch(inputs[0].shape[0] if inputs and inputs[0].shape else None)
    if not cases:
        raise ConversionError("no reference has the batch size of the file; make one that has")
    into = _targets(cases[0].inputs, inputs)
    out = {target: name for name, target in _targets(cases[0].truth, outputs).items()}
    results = []
    for case in cases:
        made = runtime({into[name]: values for name, values in case.inputs.items()})
        results.append({out[target]: np.asarray(values) for target, values in made.items()})
    return Answers(inputs, outputs, cases, tuple(results))


def judge(reference: Reference, answers: Answers, bounds: Tolerances, setting: str) -> Comparison:
    """The comparison of one run of the file; `reference` tells the units of the outputs.

    Noise is judged over all examples together: one example may well be almost zero.
    """
    pairs = list(zip(answers.cases, answers.results, strict=True))
    pooled = bounds.min_sqnr is not None
    return merge(
        compare(
            case.truth,
            result,
            original=case.original,
            moved=case.moved,
            run=f"{setting}, {'examples' if pooled else 'batch'} {len(case.labels)}",
            bounds=bounds,
            units=reference.units,
            labels=case.labels,
            parts=reference.parts,
            varied=case.varied,
        )
        for case, result in (pool(pairs) if pooled else pairs)
    )


def _targets(names: Iterable[str], found: tuple[Port, ...]) -> Names:
    """What the file calls each Keras name: the same, or else the one at its position."""
    wanted = list(names)
    if len(wanted) != len(found):
        raise ConversionError(f"the file has {[port.name for port in found]} for {wanted}")
    if {port.name for port in found} == set(wanted):
        return {name: name for name in wanted}
    ordered = sorted(found, key=lambda port: port.index)
    return {name: port.name for name, port in zip(wanted, ordered, strict=True)}
