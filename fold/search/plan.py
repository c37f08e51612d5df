"""What has been decided so far, and one attempt to decide more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import keras

from fold.affine import Affine, CannotFold, Weights
from fold.keras_graph.graph import Call, Graph, Value
from fold.keras_graph.weights import read_weights
from fold.rules import Edit, as_affine

STEPS = 128
"""How many calls one attempt may touch: enough to compensate along a block of DenseNet201."""
STEPS_WITH_SCALE = 32
"""The same where other readers would get another scale, which along a stream ends nowhere."""


@dataclass(eq=False)
class Plan:
    """The decided edits per call, and what each affine call now computes.

    An affine call whose affine is the identity is gone; one that differs from what its layer
    computes is written anew. `made` computes the weights of layers that the plan adds;
    `inner` holds the folded model of a TimeDistributed.
    """

    graph: Graph
    frozen: dict[Call, CannotFold] = field(default_factory=dict)
    edits: dict[Call, tuple[Edit, ...]] = field(default_factory=dict)
    affines: dict[Call, Affine] = field(default_factory=dict)
    original: dict[Call, Affine] = field(default_factory=dict)
    refused: dict[Call, CannotFold] = field(default_factory=dict)
    made: dict[keras.Operation, Callable[[Plan], Weights]] = field(default_factory=dict)
    inner: dict[keras.Operation, keras.Model] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, frozen: dict[Call, CannotFold]) -> Plan:
        """Nothing decided; `frozen` calls are neither moved nor changed, for the reason given."""
        found: dict[Call, Affine] = {}
        refused: dict[Call, CannotFold] = {}
        for call in graph.calls:
            if as_affine.answers(call) and call not in frozen:
                try:
                    _require_same_mask(call)
                    found[call] = as_affine(call)
                except CannotFold as refusal:
                    refused[call] = refusal
        return cls(graph, frozen, affines=dict(found), original=found, refused=refused)

    def weights(self, call: Call) -> Weights:
        """The float64 weights of the call's layer with everything decided so far."""
        made = self.made.get(call.operation)
        weights = made(self) if made else read_weights(call.operation)
        for edit in self.edits_of(call):
            weights = edit.transform(weights)
        return weights

    def edits_of(self, call: Call) -> tuple[Edit, ...]:
        """The edits of the call's layer; those of its first call, as all calls agree."""
        first = self.graph.calls_of.get(call.operation, (call,))[0]
        return self.edits.get(first, ())

    def accept(self, trial: Trial) -> None:
        """Makes an attempt's result the decided one; shared layers must agree in all calls."""
        edits = self.edits | trial.edits
        for call in trial.edits:
            require_agreement(edits, self.graph.calls_of[call.operation])
        self.edits = edits
        self.affines |= trial.affines


def _require_same_mask(call: Call) -> None:
    """Refuses a call that ends a mask: without it the mask would reach the layers behind."""
    if call.masked and not getattr(call.operation, "supports_masking", False):
        raise CannotFold("mask", f"'{call.name}' ends a mask, which would go on without it")


def require_agreement(edits: dict[Call, tuple[Edit, ...]], calls: tuple[Call, ...]) -> None:
    """Refuses edits of a shared layer that are not the same in each of its calls."""
    first, *rest = [edits.get(call, ()) for call in calls]
    for other in rest:
        if len(other) != len(first) or not all(
            a.same_as(b) for a, b in zip(first, other, strict=True)
        ):
            raise CannotFold(
                "shared_layer",
                f"'{calls[0].name}' is called {len(calls)} times and would need different weights",
            )


@dataclass(eq=False)
class Trial:
    """One attempt: edits so far and the affines under way.

    `up` holds affines that a tensor's producer is to apply, by the call that asks for it; `down`
    holds affines that a call is to apply to one of its inputs. `origin` says of such a call why.
    """

    compensate: bool
    busy: frozenset[Call]
    edits: dict[Call, tuple[Edit, ...]] = field(default_factory=dict)
    affines: dict[Call, Affine] = field(default_factory=dict)
    up: dict[Value, dict[Call, Affine]] = field(default_factory=dict)
    down: dict[Call, dict[Value, Affine]] = field(default_factory=dict)
    origin: dict[Call, str] = field(default_factory=dict)
    done: frozenset[Call | Value] = frozenset()

    def fork(self) -> Trial:
        """A copy that can fail without harm."""
        return replace(
            self,
            edits=dict(self.edits),
            affines=dict(self.affines),
            up={value: dict(asked) for value, asked in self.up.items()},
            down={call: dict(given) for call, given in self.down.items()},
            origin=dict(self.origin),
        )

    def ask(self, value: Value, call: Call, affine: Affine) -> None:
        """`call` needs `affine(value)` in place of `value`."""
        if affine.is_identity:
            return
        asked = self.up.setdefault(value, {})
        if value in self.done or not asked.setdefault(call, affine).equals(affine):
            raise CannotFold("read_elsewhere", f"'{call.name}' reads a tensor that has moved")

    def give(self, value: Value, affine: Affine, calls: Iterable[Call], why: str = "") -> None:
        """Each of `calls` must apply `affine` to its input `value`."""
        if affine.is_identity:
            return
        for call in calls:
            given = self.down.setdefault(call, {})
            if value in given or call in self.done or call in self.busy:
                raise CannotFold("read_elsewhere", f"'{call.name}' reads a tensor that has moved")
            given[value] = affine
            if why:
                self.origin.setdefault(call, why)
