"""The ways to take one affine one layer further, up or down; each is a step that edits a trial."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call, Value
from fold.rules import Edit, absorb_input, absorb_output, pull, push
from fold.rules.passing import Balance, first
from fold.search.obstacles import Obstacles
from fold.search.plan import Plan, Trial

Step = Callable[[Trial], None]


class Steps:
    """What can be done at one layer, on top of what is decided.

    Attributes:
        blocked_by_readers: whether a refusal might not be one if other readers may be changed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.graph = plan.graph
        self.obstacles = Obstacles.of(plan)
        self.blocked_by_readers = False

    def hoist(self, trial: Trial, value: Value, asked: dict[Call, Affine]) -> list[Step]:
        """The producer of `value` is to give `affine(value)`."""
        affine = next(iter(asked.values()))
        if not all(a.equals(affine) for a in asked.values()):
            raise CannotFold("read_elsewhere", "its readers need different affines")
        trial.done |= {value}
        producer = self.graph.producer.get(value)
        self.obstacles.require(value, affine)
        self._compensate(trial, value, affine, asked, producer)
        assert producer is not None
        self._require_free(trial, producer)
        current = self._affine_of(trial, producer)
        if current is not None:
            return [self._into_affine(trial, producer, affine, after=True)]
        if absorb_output.answers(producer):
            return [partial(self._take, call=producer, edits=(absorb_output(producer, affine),))]
        choices = pull(producer, affine)
        if not choices:
            raise CannotFold("axis_mismatch", f"no input of '{producer.name}' can take it")
        choices = self._nearest(choices, lambda shares: self._far(producer, shares))
        return [partial(_ask_all, producer, shares) for shares in choices]

    def _compensate(
        self,
        trial: Trial,
        value: Value,
        affine: Affine,
        asked: dict[Call, Affine],
        producer: Call | None,
    ) -> None:
        name = producer.name if producer else "the input"
        if value in self.graph.results:
            raise CannotFold("model_output", f"'{name}' is an output of the model, too")
        others = [call for call in self.graph.read_by(value) if call not in asked]
        if not others:
            return
        why = f"'{name}' is also read by '{others[0].name}'"
        if not trial.compensate:
            self.blocked_by_readers = True
            raise CannotFold("read_elsewhere", why)
        trial.give(value, affine.inverse(), others, why)

    def sink(self, trial: Trial, call: Call, given: dict[Value, Affine]) -> list[Step]:
        """`call` is to apply the given affines to its inputs."""
        self._require_free(trial, call)
        trial.done |= {call}
        if self._affine_of(trial, call) is not None:
            affine = first(call, tuple(given.get(value) for value in call.inputs))
            return [self._into_affine(trial, call, affine, after=False)]
        if absorb_input.answers(call):
            edits = tuple(
                absorb_input(call, a, tuple(i for i, v in enumerate(call.inputs) if v is value))
                for value, a in given.items()
            )
            return [partial(self._take, call=call, edits=edits)]
        balances = push(call, tuple(given.get(value) for value in call.inputs))
        balances = self._nearest(
            balances, lambda b: self._far(call, b.inputs) + 5 * b.output.has_shift
        )
        return [partial(self._balance, call=call, balance=b) for b in balances]

    def _take(self, trial: Trial, call: Call, edits: tuple[Edit, ...]) -> None:
        trial.edits[call] = trial.edits.get(call, self.plan.edits.get(call, ())) + edits

    def _balance(self, trial: Trial, call: Call, balance: Balance) -> None:
        _ask_all(call, balance.inputs, trial)
        self.give_readers(trial, call, balance.output)

    def give_readers(self, trial: Trial, call: Call, affine: Affine) -> None:
        """Every reader of the call's result is to apply `affine` to it."""
        value = call.output
        if value in self.graph.results and not affine.is_identity:
            raise CannotFold("model_output", f"'{call.name}' is an output of the model")
        trial.give(value, affine, self.graph.read_by(value), trial.origin.get(call, ""))

    def _affine_of(self, trial: Trial, call: Call) -> Affine | None:
        return trial.affines.get(call, self.plan.affines.get(call))

    def _into_affine(self, trial: Trial, call: Call, affine: Affine, after: bool) -> Step:
        """Another affine takes it in, or lets it through if nothing is left of it."""
        current = self._affine_of(trial, call)
        assert current is not None
        if current.is_identity:
            if after:
                return lambda t: t.ask(call.input, call, affine)
            return lambda t: self.give_readers(t, call, affine)
        joined = affine.after(current) if after else current.after(affine)
        if joined.cost > current.cost:
            raise CannotFold("read_elsewhere", f"what is left of '{call.name}' would grow")
        return lambda t: t.affines.update({call: joined})

    def _require_free(self, trial: Trial, call: Call) -> None:
        if call in trial.busy:
            raise CannotFold("read_elsewhere", f"'{call.name}' itself is in the way")
        if call in self.plan.frozen:
            raise self.plan.frozen[call]
        if len(call.outputs) != 1:
            raise CannotFold("unknown_layer", f"'{call.name}' gives several tensors")

    def _nearest(self, choices: list[Any], far: Callable[[Any], int]) -> list[Any]:
        """The two that have least far to go; more would cost more than they find."""
        return sorted(choices, key=far)[:2]

    def _far(self, call: Call, shares: tuple[Affine | None, ...]) -> int:
        """How far the shares that carry a shift have to go."""
        return sum(
            self.obstacles.distance[value]
            for value, share in zip(call.inputs, shares, strict=True)
            if share is not None and share.has_shift
        )


def _ask_all(call: Call, shares: tuple[Affine | None, ...], trial: Trial) -> None:
    for value, share in zip(call.inputs, shares, strict=True):
        if share is not None:
            trial.ask(value, call, share)
