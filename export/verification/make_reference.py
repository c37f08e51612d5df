"""Runs the original Keras model, in float64 and in float32, to make a `Reference`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from export.base.error_text import sentence
from export.base.errors import InputError
from export.keras_model.open_sizes import open_sizes
from export.keras_model.output_parts import parts
from export.keras_model.output_scale import units
from export.keras_model.prepare import prepare
from export.keras_model.random_inputs import draw, ranges_for
from export.keras_model.run import in_float64, resizes, run_model, widened
from export.keras_model.user_inputs import named_inputs
from export.verification.comparison import Comparison, compare, merge
from export.verification.reference import GIVEN, STRESS, Arrays, Case, Reference
from export.verification.tolerances import Tolerances

LABELS = ("normal", "unit", "zeros", "ones")
BATCHES = (1, len(LABELS))
SEED = 20


def make_reference(model: keras.Model, inputs: Any = None, batch: int | None = None) -> Reference:
    """Runs `model` on seeded inputs of several ranges, and on the user's own.

    Args:
        model: a built Keras model.
        inputs: an array, a sequence of arrays or a dict by input name; the first axis is the batch.
        batch: a further batch size to try, for files that will have that one fixed.

    Returns:
        The cases: a single example, one batch with every range, `inputs` if given.

    Raises:
        InputError: the model was never built, or can't be run on any input tried.
    """
    own = prepare(model).model
    drawn = _drawn(own, ranges_for(model), batch)
    exact, warnings = in_float64(own, drawn[0][1])
    cases = [_case(exact, own, labels, values) for labels, values in drawn]
    independent = _independent(own, cases[1])
    cases, beyond = _within_float32(cases, independent)
    if inputs is not None:
        given = named_inputs(own, inputs)
        cases.append(_case(exact, own, (GIVEN,) * len(next(iter(given.values()))), given))
    return Reference(tuple(cases), independent, warnings + beyond, units(own), parts(own))


def compare_model(reference: Reference, model: keras.Model, **tolerances: Any) -> Comparison:
    """Compares another Keras model, such as the folded one, with the reference."""
    own = prepare(model).model
    return merge(
        compare(
            case.truth,
            run_model(own, case.inputs),
            original=case.original,
            moved=case.moved,
            units=reference.units,
            labels=case.labels,
            varied=case.varied,
            run=f"Keras, batch {len(case.labels)}",
            **tolerances,
        )
        for case in reference.cases
    )


def _drawn(
    model: keras.Model, ranges: tuple[str, ...], batch: int | None
) -> list[tuple[tuple[str, ...], Arrays]]:
    """A single example and a batch of all ranges; several sizes for what the model leaves open."""
    first, *more = open_sizes(model)
    plan: list[tuple[tuple[str, ...], int]] = [(("normal",), first), (ranges, first)]
    plan += [(("normal",), size) for size in more]
    if batch and batch not in (1, len(ranges)):
        plan.append((tuple(ranges[i % len(ranges)] for i in range(batch)), first))
    return [
        (labels, draw(model, labels, SEED + at, size)) for at, (labels, size) in enumerate(plan)
    ]


def without_truth(
    model: keras.Model, batch: int | None, examples: Arrays | None = None, cut: bool = False
) -> Reference:
    """A few cases for which the model in float32 stands for the truth, because that is quick.

    Args:
        model: in float32, with known inputs.
        batch: the one batch size to try; None tries two.
        examples: typical inputs by name, taken instead of random ones.
        cut: whether the batches will be cut, if examples don't depend on each other.
    """
    counts = BATCHES if batch is None else (batch,)
    if examples:
        feeds = [{name: values[:1] for name, values in examples.items()}, examples]
        labels = [(GIVEN,) * len(next(iter(each.values()))) for each in feeds]
    else:
        sizes = open_sizes(model)
        labels = [tuple(LABELS[at % len(LABELS)] for at in range(count)) for count in counts]
        labels += [labels[0]] * (len(sizes) - 1)
        pairs = zip(labels, (*sizes[:1] * len(counts), *sizes[1:]), strict=True)
        feeds = [draw(model, each, SEED + at, size) for at, (each, size) in enumerate(pairs)]
    cases = []
    for each, inputs in zip(labels, feeds, strict=True):
        original = run_model(model, inputs)
        cases.append(Case(each, inputs, original, original))
    independent = bool(examples or cut) and _independent(model, cases[-1])
    if examples and not independent and batch is not None:
        filled = _first(examples, batch)
        original = run_model(model, filled)
        cases = [Case((GIVEN,) * batch, filled, original, original)]
    return Reference(tuple(cases), independent, units=units(model), parts=parts(model))


def with_truth(model: keras.Model, cases: Sequence[Case]) -> tuple[Case, ...]:
    """The same cases with what the model computes in float64."""
    exact, _ = in_float64(model, cases[0].inputs)
    found = [_exactly(exact, case.inputs, case.truth) for case in cases]
    return tuple(
        replace(case, truth=truth, moved=moved)
        for case, (truth, moved) in zip(cases, found, strict=True)
    )


def _first(examples: Arrays, count: int) -> Arrays:
    """A batch of the first `count` examples, repeated where there are fewer."""
    return {n: np.resize(values, (count, *values.shape[1:])) for n, values in examples.items()}


def _case(exact: keras.Model, own: keras.Model, labels: tuple[str, ...], inputs: Arrays) -> Case:
    try:
        original = run_model(own, inputs)
    except ValueError as error:
        raise InputError(
            f"the model can't be run on a batch of {len(labels)}: {sentence(str(error))}; build it "
            "so that it takes batches of every size"
        ) from error
    truth, moved = _exactly(exact, inputs, original)
    return Case(labels, inputs, truth, original, moved)


def _exactly(exact: keras.Model, inputs: Arrays, names: Iterable[str]) -> tuple[Arrays, Arrays]:
    """The truth, and the same with moved coordinates where the model may resize."""
    truth = dict(zip(names, run_model(exact, widened(exact, inputs)).values(), strict=True))
    if not resizes(exact):
        return truth, {}
    return truth, dict(
        zip(names, run_model(exact, widened(exact, inputs), "moved").values(), strict=True)
    )


def _independent(model: keras.Model, case: Case) -> bool:
    """Whether the first example gives the same alone as in the batch."""
    alone = run_model(model, case.examples(0, 1).inputs)
    return all(
        values.ndim > 0 and np.allclose(values, case.original[name][:1], rtol=1e-3, atol=1e-4)
        for name, values in alone.items()
    )


def _within_float32(cases: list[Case], independent: bool) -> tuple[list[Case], tuple[str, ...]]:
    """Drops stress inputs for which the original in float32 is not the function in float64."""
    kept, dropped = [], []
    for case in cases:
        lost = [label in STRESS and _lost(case, at) for at, label in enumerate(case.labels)]
        dropped += [label for label, gone in zip(case.labels, lost, strict=True) if gone]
        if any(lost) and independent:
            case = case.pick(np.flatnonzero(~np.array(lost)))
        kept.append(case)
    names = ", ".join(dict.fromkeys(dropped))
    warning = f"inputs of the range(s) {names} are beyond what the original model can do in float32"
    return kept, (warning,) if dropped and independent else ()


def _lost(case: Case, at: int) -> bool:
    for name, values in case.truth.items():
        if values.ndim == 0 or values.dtype.kind != "f":
            continue
        truth, own = values[at], case.original[name][at].astype(np.float64)
        with np.errstate(all="ignore"):
            bound = Tolerances().ceiling * np.sqrt(np.mean(np.square(truth)))
            if not (np.abs(truth - own).max(initial=0.0) <= bound):
                return True
    return False
