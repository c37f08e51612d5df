"""One line per file: verdict, size, operators, error beside the original's own, seconds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from export.base.errors import Withheld
from export.base.human_bytes import human_bytes
from export.cli.terminal import Terminal
from export.verification.advice import rule, where_worst, worst_of, would_pass
from export.verification.comparison import Comparison
from export.verification.figures import Figures

CELLS = 10
MARKS = {False: "━┃", True: "=|"}
COLORS = {"equivalent": "green", "NOT equivalent": "red", "FAILED": "red", "not run": "yellow"}


@dataclass(frozen=True)
class Card:
    """What is shown of one file.

    Attributes:
        name: of the file.
        verdict: a key of `COLORS`.
        comparison: its figures, where it ran.
        measures: size, operators, seconds and the like, each a column of its own.
        reasons: why it failed, beyond the figures.
    """

    name: str
    verdict: str
    comparison: Comparison | None = None
    measures: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def card_of(outcome: Any) -> Card:
    """The card of an `Outcome` of an export."""
    artifact, error = outcome.artifact, outcome.error
    verdict = "FAILED" if error else "equivalent" if artifact.ran else "not run"
    if isinstance(error, Withheld):
        verdict = "equivalent"
    measures = {
        "size": human_bytes(artifact.size) if artifact else "",
        "ops": str(sum(artifact.operators.values())) if artifact else "",
        "time": f"{outcome.seconds:.1f} s",
    }
    reasons = (str(error),) if error and outcome.comparison is None else ()
    if error and error.layer and outcome.comparison is not None:
        reasons = (f"layer {error.layer!r} is the first that differs",)
    ran = error is not None or artifact.ran
    return Card(outcome.file, verdict, outcome.comparison if ran else None, measures, reasons)


def verified(name: str, comparison: Comparison) -> Card:
    """The card of a file that was there already."""
    return Card(name, "equivalent" if comparison else "NOT equivalent", comparison)


def show_cards(terminal: Terminal, cards: Sequence[Card]) -> None:
    """The cards, then where and why files failed, what would let them pass last."""
    if terminal.verbose:
        show_outputs(terminal, cards)
    errors = [worst.max_abs for card in cards if (worst := _worst(card))]
    own = [worst.original_max_abs for card in cards if (worst := _worst(card))]
    span = _span([*errors, *(each for each in own if each is not None)])
    measures = list(dict.fromkeys(name for card in cards for name in card.measures))
    columns = [
        "verdict",
        "file",
        *(f"{name}>" for name in measures),
        f"error {MARKS[terminal.ascii][1]} own",
        ">",
    ]
    rows = [
        [
            Text(card.verdict, COLORS[card.verdict]),
            card.name,
            *(card.measures.get(name, "") for name in measures),
            _bar(_worst(card), span, MARKS[terminal.ascii]),
            _error(_worst(card), card.comparison),
        ]
        for card in cards
    ]
    terminal.table("", columns, rows, crop="file")
    for card in cards:
        _show_failure(terminal, card)


def show_rules(terminal: Terminal, cards: Iterable[Card]) -> None:
    """Each rule that was applied, with the files that it was applied to."""
    files: dict[str, list[str]] = {}
    for card in cards:
        if card.comparison is not None:
            files.setdefault(rule(card.comparison.tolerances), []).append(card.name)
    for text, names in files.items():
        terminal.line(f"{', '.join(names)}: {text}")


def show_outputs(terminal: Terminal, cards: Iterable[Card]) -> None:
    """Every figure of every output."""
    rows = [
        [card.name, *_figures(figures)]
        for card in cards
        if card.comparison is not None
        for figures in card.comparison.outputs.values()
    ]
    columns = ["file", "output", "error>", "original's>", "SQNR>", "of allowed>", "verdict"]
    if rows:
        title = "Largest error against the original model in float64"
        terminal.table(title, columns, rows, crop="output")


def _show_failure(terminal: Terminal, card: Card) -> None:
    for reason in card.reasons:
        terminal.line(f"{card.name}: {reason}")
    worst = _worst(card)
    if card.comparison is None or worst is None or worst.passed:
        return
    terminal.line(f"{card.name}: {where_worst(worst)}")
    for figures in card.comparison.outputs.values():
        if not figures.passed:
            advice = would_pass(figures, card.comparison.tolerances)
            terminal.line(f"{card.name}, output {figures.name}: {advice}")


def _worst(card: Card) -> Figures | None:
    return worst_of(card.comparison) if card.comparison is not None else None


def _span(errors: Iterable[float]) -> tuple[float, float]:
    """Decades from just below the smallest error to the largest."""
    decades = [math.log10(error) for error in errors if 0 < error < math.inf] or [0.0]
    return min(decades) - 1, max(*decades, min(decades) + 1)


def _bar(figures: Figures | None, span: tuple[float, float], marks: str) -> Text:
    """The error on a logarithmic scale, with a mark at the original's own."""
    bar = Text()
    if figures is None:
        return bar
    end, own = _cells(figures.max_abs, span), figures.original_max_abs
    mark = CELLS if own is None else _cells(own, span)
    for cell in range(CELLS):
        if cell == mark:
            bar.append(marks[1])
        elif cell < end:
            bar.append(marks[0], "green" if cell < mark else "yellow")
        else:
            bar.append(" ")
    return bar


def _cells(error: float, span: tuple[float, float]) -> int:
    decade = math.log10(error) if 0 < error < math.inf else span[error > 0]
    return min(CELLS - 1, round(CELLS * (decade - span[0]) / (span[1] - span[0])))


def _error(figures: Figures | None, comparison: Comparison | None) -> str:
    if figures is None or comparison is None:
        return ""
    if comparison.tolerances.min_sqnr is not None:
        return f"{figures.sqnr:.0f} dB"
    return f"{figures.max_abs:.1e}"


def _figures(figures: Figures) -> list[str]:
    own = figures.original_max_abs
    agreement = "" if figures.top1 in (None, 1) else f", top-1 {figures.top1:.0%}"
    verdict = "equivalent" if figures.passed else figures.problem or "NOT equivalent"
    return [
        figures.name,
        f"{figures.max_abs:.1e}",
        "-" if own is None else f"{own:.1e}",
        f"{figures.sqnr:.0f} dB",
        f"{figures.excess:.0%}" if figures.excess < 10 else f"{figures.excess:.0f}x",
        verdict + agreement,
    ]
