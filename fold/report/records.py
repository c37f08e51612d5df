"""What happened to each batch norm while it was decided, told at the end as a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import keras

from fold.affine import CannotFold
from fold.keras_graph.graph import Call, Graph
from fold.keras_graph.internals import all_layers
from fold.report.report import SHOWN, Record, Report
from fold.rules.affines import BATCH_NORMS, PREPROCESSING, untrained
from fold.search.plan import Plan


class Records:
    """The moves that were made, those that were refused, and layers that went into others."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made: dict[Call, Record] = {}
        self.refusals: dict[Call, dict[str, CannotFold]] = {}
        self.renamed: dict[str, str] = {}
        self.inner: dict[keras.Operation, Report] = {}

    def note(self, calls: tuple[Call, ...], code: str, into: tuple[str, ...]) -> None:
        """A move was made."""
        status = "reduced" if code.endswith("_left") else "folded"
        for call in calls:
            self.made[call] = Record(call.name, status, into, code, "")

    def refuse(self, calls: tuple[Call, ...], code: str, refusal: CannotFold) -> None:
        """A move failed."""
        for call in calls:
            self.refusals.setdefault(call, {})[code] = refusal

    def hopeful(self, call: Call) -> bool:
        """Whether a move failed for something that others may have changed since."""
        refusals = self.refusals.get(call, {}).values()
        return any(refusal.code == "read_elsewhere" for refusal in refusals)

    def report(self, plan: Plan) -> Report:
        """One record per batch-norm call, in the order of the graph."""
        norms = [c for c in self.graph.calls if type(c.operation) in BATCH_NORMS]
        other = [c for c in self.graph.calls if type(c.operation) in PREPROCESSING]
        fresh = dict.fromkeys(c.name for c in norms if untrained(c))
        return Report(
            tuple(record for call in self.graph.calls for record in self._of(call, plan)),
            tuple(self._record(call, plan) for call in other),
            _untrained(list(fresh)),
        )

    def _of(self, call: Call, plan: Plan) -> Iterator[Record]:
        """The record of a batch norm, or one for each that a layer has inside."""
        if type(call.operation) in BATCH_NORMS:
            yield self._record(call, plan)
        elif call.operation in self.inner:
            yield from self.inner[call.operation]
        elif isinstance(call.operation, keras.Layer):
            for layer in all_layers(call.operation, include_self=False):
                if type(layer) in BATCH_NORMS:
                    yield _inside(layer, call)

    def _record(self, call: Call, plan: Plan) -> Record:
        """What became of one call, with the names that layers have in the new model."""
        record = self.made.get(call)
        if record is None:
            error = self._obstacle(call, plan)
            return Record(call.name, "kept", (), error.code, f"kept: {error.reason}")
        into = tuple(dict.fromkeys(self._final_name(name) for name in record.into))
        where = f"into {', '.join(into)}" if into else "it was the identity"
        reason = self._reduced(call, into) if record.status == "reduced" else where
        return replace(record, into=into, reason=reason)

    def _reduced(self, call: Call, into: tuple[str, ...]) -> str:
        """What is left and where, where the rest is, and what kept the whole from going."""
        kind = self.made[call].code.removesuffix("_left")
        rest = f", the rest is in {', '.join(into)}" if into else ""
        refusals = self.refusals.get(call, {})
        if (split := refusals.get("split")) and split.code == "digits":
            obstacle = f"; {split.reason}"
        elif {"hoisted", "sunk"} <= refusals.keys():
            obstacle = f"; {_both_ways(refusals).reason}"
        else:
            obstacle = ""
        return f"a {kind} is left in '{call.name}'{rest}{obstacle}"

    def _final_name(self, name: str) -> str:
        """Where a layer went that was merged with others."""
        while self.renamed.get(name, name) != name:
            name = self.renamed[name]
        return name

    def _obstacle(self, call: Call, plan: Plan) -> CannotFold:
        """Why nothing worked."""
        refusals = self.refusals.get(call)
        if call in plan.frozen:
            return plan.frozen[call]
        if call in plan.refused:
            return plan.refused[call]
        if refusals:
            return _both_ways(refusals)
        return CannotFold("shared_layer", "another call of it has to stay as it is")


def has_batch_norms(layer: keras.Layer) -> bool:
    """Whether there is one in it, however deep."""
    return any(type(each) in BATCH_NORMS for each in all_layers(layer))


def unfolded(model: keras.Model, why: str) -> Report:
    """The report on a model that could not be folded."""
    norms = [layer for layer in all_layers(model) if type(layer) in BATCH_NORMS]
    reason = f"kept: the model could not be folded: {why}"
    records = tuple(Record(layer.name, "kept", (), "not_folded", reason) for layer in norms)
    return Report(records, notes=(f"the model is not folded: {why}",))


def _untrained(names: list[str]) -> tuple[str, ...]:
    """One warning for all; none where there are no names."""
    if len(names) < 2:
        return tuple(f"the statistics of '{name}' are untouched: was it trained?" for name in names)
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (f"the statistics of {shown}{more} are untouched: was the model trained?",)


def _inside(layer: keras.Layer, call: Call) -> Record:
    kind = type(call.operation).__name__
    why = f": {call.opaque}" if call.opaque else ""
    reason = f"kept: it is inside {kind} '{call.name}', which stays whole{why}"
    return Record(layer.name, "kept", (), "inside_custom_layer", reason)


def _both_ways(refusals: dict[str, CannotFold]) -> CannotFold:
    hoist, sink = refusals["hoisted"], refusals["sunk"]
    first = refusals.get("split", hoist)
    code = first.code if first.code == "digits" else hoist.code
    before, after = hoist.reason, sink.reason
    return CannotFold(code, f"before it, {before}; after it, {after}")
