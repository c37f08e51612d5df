"""Custom layers in which nothing changed are called whole again."""

from __future__ import annotations

from fold.keras_graph.graph import Call, Expansion
from fold.rebuild.remainder import replaced
from fold.search.plan import Plan


def collapsed(plan: Plan) -> list[Call]:
    """The calls to write, in running order."""
    present = frozenset(plan.graph.calls)
    whole: dict[Call, Expansion] = {}
    for expansion in plan.graph.expansions:
        parts = expansion.parts
        if parts and parts[0] not in whole and _unchanged(plan, expansion, present):
            whole |= dict.fromkeys(parts, expansion)
    calls: dict[Call, None] = {}
    for call in plan.graph.calls:
        calls[whole[call].whole if call in whole else call] = None
    return list(calls)


def _unchanged(plan: Plan, expansion: Expansion, present: frozenset[Call]) -> bool:
    return all(
        call in present
        and not plan.edits_of(call)
        and not replaced(call)
        and call.operation not in plan.inner
        and plan.affines.get(call) is plan.original.get(call)
        for call in expansion.parts
    )
