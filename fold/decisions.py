"""Which move each batch norm makes: complete ones first, then those that leave something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch

import keras
import numpy as np

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call, Graph
from fold.regions.find import find_sums, without_sums
from fold.regions.merge import Merged
from fold.report.records import Records
from fold.rules.affines import BATCH_NORMS, PREPROCESSING, size_of_input, trains
from fold.search.moves import Move, complete, partial
from fold.search.plan import Plan, Trial
from fold.search.route import Router

Group = tuple[Call, ...]
Moves = Callable[[Affine], Iterator[Move]]


class Decisions:
    """The plan for one model, and the records of how it came about."""

    def __init__(
        self,
        graph: Graph,
        keep: tuple[str, ...],
        impossible: dict[keras.Operation, CannotFold] | None = None,
    ) -> None:
        self.graph = graph
        self.keep = keep
        self.plan = Plan.of(graph, self.frozen(impossible or {}))
        self.router = Router(self.plan)
        self.records = Records(graph)
        self.blocked: set[tuple[Call, Moves, int]] = set()

    def frozen(self, impossible: dict[keras.Operation, CannotFold]) -> dict[Call, CannotFold]:
        """The calls that have to stay as they are, and why."""
        frozen = {c: impossible[c.operation] for c in self.graph.calls if c.operation in impossible}
        for call in self.graph.calls:
            if type(call.operation) in BATCH_NORMS:
                if trains(call):
                    frozen[call] = CannotFold("training_true", "it is called with training=True")
                elif self.asked_to_keep(call):
                    frozen[call] = CannotFold("asked_to_keep", f"'{call.name}' stays as it is")
        return frozen

    def make(self, merge_branches: bool) -> None:
        """Decides everything, cheapest leftovers first."""
        norms = list(self.groups(BATCH_NORMS))
        waiting = [g for g in norms if not self.attempt(g, complete, False, only="hoisted")]
        if merge_branches:
            self.merge()
            waiting = [g for g in waiting if not any(call in self.records.made for call in g)]
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
                self.records.renamed[call.name] = template
                if type(call.operation) in BATCH_NORMS:
                    del self.plan.affines[call]
                    if call not in self.records.made:
                        self.records.note((call,), "merged", (template,))

    def until_settled(self, waiting: list[Group]) -> list[Group]:
        """Removes what can go; what another reader blocked is tried once more after others went."""
        left = [group for group in waiting if not self.remove(group)]
        again = [g for g in left if len(left) < len(waiting) and self.records.hopeful(g[0])]
        gone = {group for group in again if self.remove(group)}
        return [group for group in left if group not in gone]

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
        steps = zip(*(moves(self.plan.affines[call]) for call in group), strict=False)
        for number, step in enumerate(steps):
            code, key = step[0].code, (group[0], moves, number)
            if (only and code != only) or (compensate and key not in self.blocked):
                continue
            try:
                trial = self.settled(group, step, compensate)
                changed = self.changed(trial, group)
                self.plan.accept(trial)
            except CannotFold as error:
                self.records.refuse(group, code, error)
                if self.router.blocked_by_readers:
                    self.blocked.add(key)
                continue
            self.records.note(group, code, changed)
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
