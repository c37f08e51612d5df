"""Replays reference cases on an artefact and compares; needs the runtime, not TensorFlow."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from export.base.artifact import Port
from export.base.errors import ConversionError
from export.processes.child import call
from export.verification.comparison import Comparison, compare, merge
from export.verification.engine import Engine
from export.verification.precisions import precision_of, tolerances
from export.verification.reference import Arrays, Case, Reference
from export.verification.tolerances import Tolerances

Names = dict[str, str]
SECONDS = 600.0


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
    Files whose activations are integers get the user's own examples, or those of no stress range.

    Returns:
        The merged comparison. A runtime that refuses the file, crashes on it or takes more than ten
        minutes is a problem in it, not an exception.
    """
    bounds = bounds or tolerances(precision, rtol, atol, min_sqnr)
    if precision_of(precision).calibrated:
        reference = reference.typical()
    parts = []
    for setting, optimize in engine.settings.items():
        try:
            runs = _run(reference, path, engine, setting, optimize)
            parts += [
                compare(
                    case.truth,
                    result,
                    original=case.original,
                    run=run,
                    bounds=bounds,
                    units=reference.units,
                )
                for run, case, result in runs
            ]
        except ConversionError as error:
            parts.append(Comparison(problems=(f"{setting}: {error}",), tolerances=bounds))
    return merge([*parts, Comparison(warnings=reference.warnings, tolerances=bounds)])


def _run(
    reference: Reference, path: Path, engine: Engine, setting: str, optimize: bool
) -> Iterator[tuple[str, Case, Arrays]]:
    inputs, outputs = call(setting, engine.ports, seconds=SECONDS, path=path.absolute())
    cases = reference.at_batch(inputs[0].shape[0] if inputs and inputs[0].shape else None)
    if not cases:
        raise ConversionError("no reference has the batch size of the file; make one that has")
    into = _targets(cases[0].inputs, inputs)
    out = {target: name for name, target in _targets(cases[0].truth, outputs).items()}
    feeds = [{into[name]: values for name, values in case.inputs.items()} for case in cases]
    results = call(
        setting,
        engine.run,
        seconds=SECONDS,
        path=path.absolute(),
        batches=feeds,
        optimize=optimize,
    )
    for case, result in zip(cases, results, strict=True):
        named = {out.get(target, target): np.asarray(values) for target, values in result.items()}
        yield f"{setting}, batch {len(case.labels)}", case, named


def _targets(names: Iterable[str], found: tuple[Port, ...]) -> Names:
    """What the file calls each Keras name: the same, or else the one at its position."""
    wanted = list(names)
    if len(wanted) != len(found):
        raise ConversionError(f"the file has {[port.name for port in found]} for {wanted}")
    if {port.name for port in found} == set(wanted):
        return {name: name for name in wanted}
    ordered = sorted(found, key=lambda port: port.index)
    return {name: port.name for name, port in zip(wanted, ordered, strict=True)}
