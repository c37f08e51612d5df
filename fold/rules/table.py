"""Exact layer type -> rule. Never by inheritance: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fold.affine import Affine, CannotFold, Weights
from fold.keras_graph.graph import Call


@dataclass(frozen=True, eq=False)
class Edit:
    """How a layer changes when it takes an affine in: a function of its weights, and settings.

    `transform` receives and returns float64 weights by their name within the layer; it runs once,
    when the new model is written. `side` is "input" or "output".
    """

    side: str
    affine: Affine
    transform: Callable[[Weights], Weights]
    config: dict[str, Any] = field(default_factory=dict)

    def same_as(self, other: Edit) -> bool:
        """Whether both ask the same of a layer that is called several times."""
        return self.side == other.side and self.affine.equals(other.affine)


TABLES: list[Table] = []


class Table(dict[type, Callable[..., Any]]):
    """One question about a layer, answered by a small function per exact type."""

    def __init__(self, refusal: str) -> None:
        super().__init__()
        self.refusal = refusal
        TABLES.append(self)

    def rule(self, *types: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers the decorated function for these types."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.update(dict.fromkeys(types, function))
            return function

        return register

    def answers(self, call: Call) -> bool:
        """Whether there is a rule for this call's exact type."""
        return type(call.operation) in self

    def refusal_of(self, call: Call) -> CannotFold:
        """Why there is no rule for this call: a refusal that names the layer."""
        kind = type(call.operation)
        known = any(base in table for table in TABLES for base in kind.__mro__[1:])
        code = "subclass" if known else "unknown_layer"
        return CannotFold(code, f"{kind.__name__} '{call.name}' {self.refusal}")

    def __call__(self, call: Call, *args: Any) -> Any:
        """The rule's answer, or a refusal."""
        if not self.answers(call):
            raise self.refusal_of(call)
        return self[type(call.operation)](call, *args)


class InputTable(Table):
    """The same for what a layer reads: it must not cast it first."""

    def __call__(self, call: Call, *args: Any) -> Any:
        """The rule's answer, or a refusal."""
        dtype, compute = call.input.dtype, getattr(call.operation, "compute_dtype", None)
        if self.answers(call) and "float" in dtype and dtype != compute:
            raise CannotFold("dtype", f"'{call.name}' casts {dtype} to {compute}")
        return super().__call__(call, *args)


as_affine = Table("is no affine")
absorb_output = Table("can't take an affine into its weights")
absorb_input = InputTable("can't take an affine into its weights")
pull = Table("lets no affine through to its inputs")
push = Table("lets no affine through")
