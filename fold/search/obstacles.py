"""How far each tensor is from a layer before it that could take an affine, known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fold.affine import Affine, CannotFold
from fold.keras_graph.graph import Call, Value
from fold.rules import absorb_output, pull
from fold.rules.merge import PRODUCTS
from fold.search.plan import Plan

FAR = 1_000_000


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Answers that no trial can change, so that hopeless ones end at once.

    Attributes:
        distance: steps back to the nearest layer that could take a shift, at most `FAR`.
        obstacle: what no scale gets past on its way back, if there is such a layer.
    """

    distance: dict[Value, int]
    obstacle: dict[Value, CannotFold | None]

    @classmethod
    def of(cls, plan: Plan) -> Obstacles:
        """Walks once from the inputs to the outputs."""
        obstacles = cls({}, {})
        start = CannotFold("model_input", "it reads an input of the model")
        for value in plan.graph.input_values:
            obstacles._set([value], FAR, start)
        for call in plan.graph.calls:
            obstacles._set(call.outputs, *obstacles._behind(plan, call))
        return obstacles

    def require(self, value: Value, affine: Affine) -> None:
        """Refuses an affine that can't get anywhere from `value`."""
        obstacle = self.obstacle[value]
        if obstacle is not None and (affine.has_scale or self.distance[value] >= FAR):
            raise obstacle

    def _set(self, values: Iterable[Value], distance: int, obstacle: CannotFold | None) -> None:
        for value in values:
            self.distance[value] = min(distance, FAR)
            self.obstacle[value] = obstacle

    def _behind(self, plan: Plan, call: Call) -> tuple[int, CannotFold | None]:
        if call in plan.frozen:
            return FAR, plan.frozen[call]
        affine = plan.affines.get(call)
        if affine is not None and affine.is_identity:
            return self.distance[call.input], self.obstacle[call.input]
        if affine is not None or absorb_output.answers(call):
            return 0, None
        no_scale, no_shift = _refusal(call, 2.0, 0.0), _refusal(call, 1.0, 1.0)
        if no_scale is not None and no_shift is not None:
            return FAR, no_scale
        obstacles = [self.obstacle[value] for value in _data(call)]
        one_is_enough: Callable[..., bool] = any if type(call.operation) in PRODUCTS else all
        passable = one_is_enough(obstacle is None for obstacle in obstacles)
        first = next((o for o in obstacles if o is not None), None)
        distance = FAR if no_shift else 1 + min(self.distance[value] for value in _data(call))
        return distance, no_scale or (None if passable else first)


def _refusal(call: Call, scale: float, shift: float) -> CannotFold | None:
    """Why a plain affine does not get from the call's result to its inputs."""
    if len(call.outputs) != 1:
        return CannotFold("unknown_layer", f"'{call.name}' gives several tensors")
    try:
        pull(call, Affine.of(scale, shift, call.output.rank))
    except CannotFold as refusal:
        return refusal
    return None


def _data(call: Call) -> tuple[Value, ...]:
    return call.inputs[:1] if call.reads_only_input else call.inputs
