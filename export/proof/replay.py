"""Replays reference cases on an artefact and compares; needs the runtime, not TensorFlow."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export.artifact import Port
from export.errors import ConversionError, InputError
from export.processes.child import call
from export.proof.comparison import Comparison, compare, merge
from export.proof.reference import Arrays, Case, Reference
from export.proof.tolerances import Tolerances, tolerances
from export.runtimes import open_artifact

Names = dict[str, str]
SECONDS = 600.0
SETTINGS = {
    ".onnx": {"ONNX Runtime, optimised": True, "ONNX Runtime, as it is": False},
    ".tflite": {"LiteRT": True},
}


def replay(
    reference: Reference,
    path: Path,
    *,
    precision: str = "float32",
    rtol: float | None = None,
    atol: float | None = None,
    min_sqnr: float | None = None,
    bounds: Tolerances | None = None,
) -> Comparison:
    """Runs the file in a child process on every case, with each setting of its runtime.

    The bounds are those of the precision with the given ones in their place, or all of `bounds`.
    Files of precision "int8" get the user's own examples, or those of no stress range.

    Returns:
        The merged comparison. A runtime that refuses the file, crashes on it or takes more than ten
        minutes is a problem in it, not an exception.

    Raises:
        InputError: `path` is no file of a known format.
    """
    if path.suffix not in SETTINGS:
        raise InputError(f"{path.name} is neither .onnx nor .tflite; give one of these")
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    bounds = bounds or tolerances(precision, rtol, atol, min_sqnr)
    reference = reference.typical() if precision == "int8" else reference
    parts = []
    for setting, optimize in SETTINGS[path.suffix].items():
        try:
            runs = _run(reference, path, setting, optimize)
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


def ports(path: str) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs as the runtime sees them; called in the child."""
    runtime = open_artifact(path)
    return runtime.inputs, runtime.outputs


def run(path: str, batches: list[Arrays], optimize: bool) -> list[Arrays]:
    """The outputs for each batch, by the file's own names; called in the child."""
    runtime = open_artifact(path, optimize)
    return [runtime(feeds) for feeds in batches]


def _run(
    reference: Reference, path: Path, setting: str, optimize: bool
) -> Iterator[tuple[str, Case, Arrays]]:
    inputs, outputs = _call(setting, "ports", path=str(path.absolute()))
    cases = reference.at_batch(inputs[0].shape[0] if inputs and inputs[0].shape else None)
    if not cases:
        raise ConversionError("no reference has the batch size of the file; make one that has")
    into = _targets(cases[0].inputs, inputs)
    out = {target: name for name, target in _targets(cases[0].truth, outputs).items()}
    feeds = [{into[name]: values for name, values in case.inputs.items()} for case in cases]
    results = _call(setting, "run", path=str(path.absolute()), batches=feeds, optimize=optimize)
    for case, result in zip(cases, results, strict=True):
        named = {out.get(target, target): np.asarray(values) for target, values in result.items()}
        yield f"{setting}, batch {len(case.labels)}", case, named


def _call(setting: str, function: str, **arguments: Any) -> Any:
    return call(setting, "export.proof.replay", function, seconds=SECONDS, **arguments)


def _targets(names: Iterable[str], found: tuple[Port, ...]) -> Names:
    """What the file calls each Keras name: the same, or else the one at its position."""
    wanted = list(names)
    if len(wanted) != len(found):
        raise ConversionError(f"the file has {[port.name for port in found]} for {wanted}")
    if {port.name for port in found} == set(wanted):
        return {name: name for name in wanted}
    ordered = sorted(found, key=lambda port: port.index)
    return {name: port.name for name, port in zip(wanted, ordered, strict=True)}
