"""`fold_batch_norms`: reads the graph, decides, writes the new model once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import keras

from fold.decisions import Decisions
from fold.keras_graph.read import read_graph
from fold.rebuild.write import write_model
from fold.report.report import Report
from fold.rules import known_types


@dataclass(frozen=True)
class FoldResult:
    """What `fold_batch_norms` gives.

    Attributes:
        model: a new Functional model of stock Keras layers.
        report: one record per batch-norm call.
    """

    model: keras.Model
    report: Report


def fold_batch_norms(
    model: keras.Model, keep: Iterable[str] = (), merge_branches: bool = True
) -> FoldResult:
    """Removes every batch norm that can be removed without changing what the model computes.

    Args:
        model: a built Keras model (Functional, Sequential, or subclassed with a traceable call).
            It is never changed.
        keep: names of batch norms to leave alone, with shell wildcards: `("block5_*",)`.
        merge_branches: whether parallel linear branches (RepVGG, MobileOne) become one layer.

    Returns:
        The new model, with the same inputs and outputs (names, structure, shapes, dtypes), and a
        report that says of every batch-norm call what became of it and why.

    Raises:
        FoldError: a batch norm has NaN, infinite or negative statistics, or the model was never
            built or can't be rebuilt.
    """
    graph = read_graph(model, known_types())
    keep = (keep,) if isinstance(keep, str) else tuple(keep)
    decisions = Decisions(graph, keep)
    decisions.make(merge_branches)
    return FoldResult(write_model(decisions.plan, model), decisions.records.report(decisions.plan))
