"""`fold_batch_norms`: reads the graph, decides, writes the new model once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras

from fold.affine import CannotFold, FoldError
from fold.decisions import Decisions
from fold.keras_graph.copy_layers import LayerCopies
from fold.keras_graph.functional import as_functional
from fold.keras_graph.graph import Graph
from fold.keras_graph.read import function_of, read_graph
from fold.keras_graph.undisturbed import undisturbed
from fold.origins import remember
from fold.rebuild.clone import CannotWrite
from fold.rebuild.write import write_model
from fold.report.records import has_batch_norms, unfolded
from fold.report.report import Report
from fold.rules import known_types

ATTEMPTS = 8
"""How many layers may turn out, one after the other, to be impossible to write as planned."""


@dataclass(frozen=True)
class FoldResult:
    """What `fold_batch_norms` gives.

    Attributes:
        model: a new Functional model; what did not change in it is a copy of the given layers.
        report: one record per batch-norm call.
    """

    model: keras.Model
    report: Report


def fold_batch_norms(
    model: keras.Model,
    keep: Iterable[str] = (),
    merge_branches: bool = True,
    input_signature: Any = None,
) -> FoldResult:
    """Removes every batch norm that can be removed without changing what the model computes.

    Args:
        model: a built Keras model (Functional, Sequential, or subclassed). It is never changed.
        keep: names of batch norms to leave alone, with shell wildcards: `("block5_*",)`.
        merge_branches: whether parallel linear branches (RepVGG, MobileOne) become one layer.
        input_signature: a `keras.InputSpec` for each argument of a subclassed model's `call`, where
            its calls so far do not tell.

    Returns:
        The new model, with the same inputs and outputs (names, structure, shapes, dtypes), and a
        report that says of every batch-norm call what became of it and why. A model that can't be
        folded comes back as a copy with every batch norm kept, and a note why.

    Raises:
        FoldError: a batch norm has NaN, infinite or negative statistics, or the model was never
            built.
    """
    keep = (keep,) if isinstance(keep, str) else tuple(keep)
    with undisturbed(model):
        try:
            result = _folded(as_functional(model, input_signature), keep, merge_branches)
        except FoldError:
            raise
        except Exception as error:
            result = _as_it_was(model, error)
    remember(result.model, model)
    return result


def _folded(model: keras.Model, keep: tuple[str, ...], merge_branches: bool) -> FoldResult:
    graph = read_graph(model, known_types())
    inner = _inner_models(graph, keep, merge_branches)
    impossible: dict[keras.Operation, CannotFold] = {}
    for _ in range(ATTEMPTS):
        decisions = Decisions(graph, keep, impossible)
        decisions.plan.inner |= {each: result.model for each, result in inner.items()}
        decisions.records.inner |= {each: result.report for each, result in inner.items()}
        decisions.make(merge_branches)
        try:
            new = write_model(decisions.plan, model)
        except CannotWrite as error:
            if error.operation in impossible:
                raise
            merge_branches &= error.operation in graph.calls_of
            impossible[error.operation] = error.refusal
            continue
        _require_same_results(graph, new)
        return FoldResult(new, decisions.records.report(decisions.plan))
    raise RuntimeError(f"more than {ATTEMPTS} of its layers can't be made again")


def _inner_models(
    graph: Graph, keep: tuple[str, ...], merge_branches: bool
) -> dict[keras.Operation, FoldResult]:
    """The models that a TimeDistributed applies to each step, folded by themselves."""
    found = {}
    for call in graph.calls:
        operation: Any = call.operation
        if type(operation) is keras.layers.TimeDistributed and not call.kwargs.get("training"):
            inner = operation.layer
            if function_of(inner) is not None and has_batch_norms(inner):
                found[operation] = _folded(inner, keep, merge_branches)
    return found


def _require_same_results(graph: Graph, model: keras.Model) -> None:
    for value, tensor in zip(keras.tree.flatten(graph.outputs), model.outputs, strict=True):
        if value.shape != tuple(tensor.shape) or value.dtype != tensor.dtype:
            raise RuntimeError(f"output '{tensor.name}' got another shape or dtype")


def _as_it_was(model: keras.Model, error: Exception) -> FoldResult:
    try:
        copy = LayerCopies().copy(model)
    except Exception:
        copy = model
    return FoldResult(copy, unfolded(model, " ".join(str(error).split()) or type(error).__name__))
