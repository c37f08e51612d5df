"""Which move each batch norm makes: complete ones first, then those that leave something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch

import keras
import numpy as np

from fold.affine import Affine, CannotFold
from fold.branches import Merged, find_sums, without_sums
from fold.graph import Call, Graph
from fold.moves import Move, complete, partial
from fold.plan import Plan, Trial
from fold.report import Record, Report
from fold.route import Router
from fold.rules.norm import BATCH_NORMS, PREPROCESSING, size_of_input, trains, untrained

Group = tuple[Call, ...]
Moves = Callable[[Affine], Iterator[Move]]


class Decisions:
    """The plan for one model, and the record of every batch norm."""

    def __init__(self, graph: Graph, keep: tuple[str, ...]) -> None:
        self.graph = graph
        self.keep = keep
        norms = [call for call in graph.calls if type(call.operation) in BATCH_NORMS]
        self.plan = Plan.of(graph, [c for c in norms if trains(c) or self.asked_to_keep(c)])
        self.router = Router(self.plan)
        self.records: dict[Call, Record] = {}
        self.refusals: dict[Call, dict[str, CannotFold]] = {}
        self.renamed: dict[str, str] = {}
        self.blocked: set[tuple[Call, Moves, int]] = set()

    def make(self, merge_branches: bool) -> None:
        """Decides everything, cheapest leftovers first."""
        norms = list(self.groups(BATCH_NORMS))
        waiting = [g for g in norms if not self.attempt(g, complete, False, only="hoisted")]
        if merge_branches:
            self.merge()
            waiting = [g for g in waiting if not any(call in self.records for call in g)]
        self.router = Router(self.plan)
        waiting = self.until_settled(waiting)
        for group in waiting:
            _ = self.attempt(group, partial, False) or self.attempt(group, partial, True)
        for group in self.until_settled(list(self.groups(PREPROCESSING))):
            self.attempt(group, partial, False)

    def merge(self) -> None:
        """Replaces sums of parallel branches by one convolution, until there are none."""
        while sums := find_sums(self.plan):
            graph = without_sums(self.plan.graph, sums)
            self.plan = replace(self.plan, graph=graph)
            for merged in sums:
                self.adopt(merged)

    def adopt(self, merged: Merged) -> None:
        """Keeps account of one sum that became a convolution."""
        template = merged.template.name
        self.plan.made[self.plan.graph.producer[merged.total.output].operation] = merged.weights
        for branch in merged.branches:
            for call in branch.calls:
                self.renamed[call.name] = template
                if type(call.operation) in BATCH_NORMS:
                    del self.plan.affines[call]
                    if call not in self.records:
                        self.note((call,), "merged", (template,))

    def until_settled(self, waiting: list[Group]) -> list[Group]:
        """Removes what can go; what another reader blocked is tried once more after others went."""
        left = [group for group in waiting if not self.remove(group)]
        again = [g for g in left if len(left) < len(waiting) and self.hopeful(g)]
        gone = {group for group in again if self.remove(group)}
        return [group for group in left if group not in gone]

    def hopeful(self, group: Group) -> bool:
        """Whether a move failed for something that others may have changed since."""
        refusals = self.refusals.get(group[0], {}).values()
        return any(refusal.code == "read_elsewhere" for refusal in refusals)

    def remove(self, group: Group) -> bool:
        """Tries every complete move, without and then with changes for other readers."""
        return self.attempt(group, complete, False) or self.attempt(group, complete, True)

    def groups(self, types: tuple[type, ...]) -> Iterator[Group]:
        """The calls of each layer of these types that may be moved."""
        for operation, calls in self.plan.graph.calls_of.items():
            if type(operation) in types and all(call in self.plan.affines for call in calls):
                yield calls

    def attempt(self, group: Group, moves: Moves, compensate: bool, only: str = "") -> bool:
        """Makes the first move that works, for all calls of one layer together."""
        steps = zip(*(moves(self.plan.affines[call]) for call in group), strict=True)
        for number, step in enumerate(steps):
            code, key = step[0].code, (group[0], moves, number)
            if (only and code != only) or (compensate and key not in self.blocked):
                continue
            try:
                trial = self.settled(group, step, compensate)
                changed = self.changed(trial, group)
                self.plan.accept(trial)
            except CannotFold as error:
                for call in group:
                    self.refusals.setdefault(call, {})[code] = error
                if self.router.blocked_by_readers:
                    self.blocked.add(key)
                continue
            self.note(group, code, changed)
            return True
        return False

    def settled(self, group: Group, step: tuple[Move, ...], compensate: bool) -> Trial:
        """The finished trial; what goes down is tried alone first, as it fails sooner."""
        if any(not move.up.is_identity and not move.down.is_identity for move in step):
            alone = tuple(replace(m, up=Affine.identity(m.up.rank)) for m in step)
            self.router.settle(self.begin(group, alone, compensate))
        return self.router.settle(self.begin(group, step, compensate))

    def begin(self, group: Group, step: tuple[Move, ...], compensate: bool) -> Trial:
        """The trial in which each call hands on what its move says."""
        trial = Trial(compensate, busy=frozenset(group))
        for call, move in zip(group, step, strict=True):
            _require_digits(call, move)
            trial.affines[call] = move.rest
            trial.ask(call.input, call, move.up)
        for call, move in zip(group, step, strict=True):
            self.router.give_readers(trial, call, move.down)
        return trial

    def changed(self, trial: Trial, group: Group) -> tuple[str, ...]:
        """Names of the layers that the trial changes, in the order of the graph."""
        calls = {call for call in trial.edits if trial.edits[call] != self.plan.edits.get(call)}
        calls |= trial.affines.keys() - set(group)
        ordered = sorted(calls, key=self.plan.graph.index.__getitem__)
        return tuple(dict.fromkeys(call.name for call in ordered))

    def note(self, group: Group, code: str, into: tuple[str, ...]) -> None:
        """Records a move that was made."""
        status = "reduced" if code.endswith("_left") else "folded"
        for call in group:
            self.records[call] = Record(call.name, status, into, code, "")

    def report(self) -> Report:
        """One record per batch-norm call, in the order of the graph."""
        norms = [c for c in self.graph.calls if type(c.operation) in BATCH_NORMS]
        records = [record for call in self.graph.calls for record in self.records_of(call)]
        other = [c for c in self.graph.calls if type(c.operation) in PREPROCESSING]
        fresh = dict.fromkeys(c.name for c in norms if untrained(c))
        return Report(
            tuple(records),
            tuple(self.record(call) for call in other),
            tuple(f"the statistics of '{name}' are untouched: was it trained?" for name in fresh),
        )

    def records_of(self, call: Call) -> Iterator[Record]:
        """The record of a batch norm, or one for each that a layer has inside."""
        if type(call.operation) in BATCH_NORMS:
            yield self.record(call)
        elif isinstance(call.operation, keras.Layer):
            for layer in call.operation._flatten_layers(include_self=False):
                if type(layer) in BATCH_NORMS:
                    yield _inside(layer, call)

    def record(self, call: Call) -> Record:
        """What became of one call, with the names that layers have in the new model."""
        record = self.records.get(call)
        if record is None:
            return self.kept(call)
        into = tuple(dict.fromkeys(self.final_name(name) for name in record.into))
        left = {"shift_left": "a shift is left, ", "scale_left": "a scale is left, "}
        where = f"into {', '.join(into)}" if into else "it was the identity"
        return replace(
            record, into=into, reason=left.get(record.code, "") + where + self.why_left(call)
        )

    def why_left(self, call: Call) -> str:
        """The bound that kept a batch norm from going whole, with its value."""
        split = self.refusals.get(call, {}).get("split")
        bounded = self.records[call].status == "reduced" and split and split.code == "digits"
        return f"; {split.reason}" if bounded and split else ""

    def final_name(self, name: str) -> str:
        """Where a layer went that was merged with others."""
        while self.renamed.get(name, name) != name:
            name = self.renamed[name]
        return name

    def kept(self, call: Call) -> Record:
        """Why nothing worked."""
        refusals = self.refusals.get(call, {})
        if call in self.plan.frozen:
            error = _frozen(call)
        elif call in self.plan.refused:
            error = self.plan.refused[call]
        elif refusals:
            error = _both_ways(refusals)
        else:
            error = CannotFold("shared_layer", "another call of it has to stay as it is")
        return Record(call.name, "kept", (), error.code, f"kept: {error.reason}")

    def asked_to_keep(self, call: Call) -> bool:
        """Whether `keep` names it."""
        return any(fnmatch(call.name, pattern) for pattern in self.keep)


def _require_digits(call: Call, move: Move) -> None:
    if not move.shift.any():
        return
    ratio = float(np.max(np.abs(move.shift) / size_of_input(call)))
    if ratio > move.limit:
        raise CannotFold(
            "digits",
            f"a gamma near zero makes its shift {ratio:.3g} times the size of its input, beyond "
            f"{move.limit:g}",
        )


def _inside(layer: keras.Layer, call: Call) -> Record:
    kind = type(call.operation).__name__
    why = f": {call.opaque}" if call.opaque else ""
    reason = f"kept: it is inside {kind} '{call.name}', which stays whole{why}"
    return Record(layer.name, "kept", (), "inside_custom_layer", reason)


def _frozen(call: Call) -> CannotFold:
    if trains(call):
        return CannotFold("training_true", "it is called with training=True")
    return CannotFold("asked_to_keep", "`keep` names it")


def _both_ways(refusals: dict[str, CannotFold]) -> CannotFold:
    hoist, sink = refusals["hoisted"], refusals["sunk"]
    first = refusals.get("split", hoist)
    code = first.code if first.code == "digits" else hoist.code
    before, after = hoist.reason, sink.reason
    return CannotFold(code, f"before it, {before}; after it, {after}")
