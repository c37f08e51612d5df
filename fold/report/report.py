"""What became of each batch norm: one record per call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, overload

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fold.report.reasons import REASONS

SHOWN = 3


@dataclass(frozen=True)
class Record:
    """What became of one call of a batch norm.

    Attributes:
        name: name of the batch-norm layer.
        status: "folded" (nothing is left), "reduced" (one operation is left) or "kept".
        into: names of the layers that took it in.
        code: stable reason, a key of `fold.report.reasons.REASONS`.
        reason: a sentence for a person.
    """

    name: str
    status: str
    into: tuple[str, ...]
    code: str
    reason: str


@dataclass(frozen=True)
class Advice:
    """What to do about some of the batch norms.

    Attributes:
        code: their reason.
        names: of their layers, each once.
        text: for a person.
    """

    code: str
    names: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """One line with the first of the names."""
        more = len(self.names) - SHOWN
        others = f" and {more} more" if more > 0 else ""
        return f"{', '.join(self.names[:SHOWN])}{others}: {self.text}"


@dataclass(frozen=True)
class Report(Sequence[Record]):
    """The records in the order in which the model calls its batch norms.

    Attributes:
        records: one per batch-norm call.
        preprocessing: one per `Normalization` or `Rescaling` layer that `fold` looked at.
        notes: warnings about the model, for example statistics that were never trained.
    """

    records: tuple[Record, ...]
    preprocessing: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, index: int | slice) -> Record | tuple[Record, ...]:
        """The record at that place."""
        return self.records[index]

    def __len__(self) -> int:
        """How many batch-norm calls the model has."""
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        """The records in order."""
        return iter(self.records)

    @property
    def counts(self) -> dict[str, int]:
        """How many were folded, reduced and kept."""
        found = Counter(record.status for record in self.records)
        return {status: found[status] for status in ("folded", "reduced", "kept")}

    @property
    def summary(self) -> str:
        """The counts in words."""
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"{len(self)} batch norm{'' if len(self) == 1 else 's'}: {counts}"

    @property
    def advice(self) -> tuple[Advice, ...]:
        """What to do about what is left, once for each reason."""
        names: dict[str, dict[str, None]] = {}
        for record in self.records:
            names.setdefault(record.code, {})[record.name] = None
        return tuple(
            Advice(code, tuple(each), REASONS[code].advice)
            for code, each in names.items()
            if REASONS[code].advice
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dictionaries and strings."""
        return {
            "counts": self.counts,
            "batch_norms": [_plain(record) for record in self.records],
            "preprocessing": [_plain(record) for record in self.preprocessing],
            "advice": [_plain(advice) for advice in self.advice],
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """The table in a notebook, with the notes and what to do below it."""
        head = ("batch norm", "status", "into", "why")
        rows = [
            (record.name, record.status, ", ".join(record.into), record.reason)
            for record in (*self.records, *self.preprocessing)
        ]
        lines = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
        below = "".join(f"<p>{escape(str(text))}</p>" for text in (*self.advice, *self.notes))
        table = f"<table><tr>{_cells('th', head)}</tr>{lines}</table>"
        return f"<p><b>{escape(self.summary)}</b></p>{table}{below}"

    def __rich__(self) -> Table:
        """The same table for a terminal."""
        table = Table("batch norm", "status", "into", "why", title=self.summary)
        for record in (*self.records, *self.preprocessing):
            cells = (record.name, record.status, ", ".join(record.into), record.reason)
            table.add_row(*map(_text, cells))
        return table

    def __str__(self) -> str:
        """A table that a person can read, without colours."""
        console = Console(width=120, color_system=None, highlight=False)
        with console.capture() as capture:
            console.print(self)
            for advice in self.advice:
                console.print(_text(str(advice)), soft_wrap=True)
            for note in self.notes:
                console.print(_text(f"note: {note}"), soft_wrap=True)
        return capture.get()


def _text(words: str) -> Text:
    """No markup, and what a terminal would obey is escaped."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return Text("".join(shown))


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _plain(value: Record | Advice) -> dict[str, Any]:
    return {name: [*v] if isinstance(v, tuple) else v for name, v in asdict(value).items()}
