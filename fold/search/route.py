"""Where an affine can go: up into the layers before it, down into the layers after it.

Both directions run through the graph in its order, so that tensors which part and meet again are
seen together. When a tensor that changes has other readers, these are given the opposite.
"""

from __future__ import annotations

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call, Value
from fold.search.plan import STEPS, STEPS_WITH_SCALE, Plan, Trial
from fold.search.steps import Step, Steps


class Router:
    """Carries out the moves of one trial on top of what is decided."""

    def __init__(self, plan: Plan) -> None:
        self.graph = plan.graph
        self.steps = Steps(plan)
        self.left = 0

    @property
    def blocked_by_readers(self) -> bool:
        """Whether changing other readers might help after a refusal."""
        return self.steps.blocked_by_readers

    def give_readers(self, trial: Trial, call: Call, affine: Affine) -> None:
        """Every reader of the call's result is to apply `affine` to it."""
        self.steps.give_readers(trial, call, affine)

    def settle(self, trial: Trial) -> Trial:
        """Moves every affine under way to a layer that takes it.

        Raises:
            CannotFold: one of them can't go anywhere; the trial is void. `blocked_by_readers` then
                says whether changing other readers might help.
        """
        scaled = any(a.has_scale for asked in trial.up.values() for a in asked.values())
        self.left = STEPS_WITH_SCALE if scaled and trial.compensate else STEPS
        self.steps.blocked_by_readers = False
        return self._settle(trial)

    def _settle(self, trial: Trial) -> Trial:
        while trial.up or trial.down:
            self.left -= 1
            if self.left < 0:
                raise CannotFold("too_far", "the way to a layer that could take it is too long")
            choices = self._next(trial)
            if len(choices) > 1:
                return self._first(trial, choices)
            choices[0](trial)
        return trial

    def _first(self, trial: Trial, choices: list[Step]) -> Trial:
        refusal = CannotFold("unknown_layer", "nothing can take it")
        for number, choice in enumerate(choices):
            attempt = trial.fork()
            try:
                choice(attempt)
                return self._settle(attempt)
            except CannotFold as error:
                refusal = refusal if number else error
        raise refusal

    def _next(self, trial: Trial) -> list[Step]:
        if trial.up:
            value = max(trial.up, key=self._position)
            return self.steps.hoist(trial, value, trial.up.pop(value))
        call = min(trial.down, key=self.graph.index.__getitem__)
        given = trial.down.pop(call)
        try:
            return self.steps.sink(trial, call, given)
        except CannotFold as error:
            why = trial.origin.get(call)
            if why is None:
                raise
            raise CannotFold("read_elsewhere", f"{why}; {error.reason}") from error

    def _position(self, value: Value) -> int:
        producer = self.graph.producer.get(value)
        return -1 if producer is None else self.graph.index[producer]
