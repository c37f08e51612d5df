"""The table of an int8 comparison, and the goals that it misses."""

from statistics import fmean
from typing import Any

from rich.table import Table

GAIN = {"natural": 3.0, "rescaled": 10.0}
LOSS = {"natural": 0.2, "rescaled": 1.0}
BEHIND = 0.3
ROUNDING = 1e-6
LABELS = ("network", "kind", "format", "float")
Row = dict[str, Any]


def table(rows: list[Row]) -> Table:
    """SQNR in dB and accuracy in percent of every tool."""
    tools = list(dict.fromkeys(key for row in rows for key in row if key not in LABELS))
    made = Table("network", "kind", "format", "float", *tools, title="SQNR dB, accuracy %")
    for row in rows:
        cells = [_cell(row.get(tool)) for tool in tools]
        made.add_row(row["network"], row["kind"], row["format"], f"{row['float']:.1f}", *cells)
    return made


def _cell(figures: Row | None) -> str:
    if figures is None:
        return ""
    if "failed" in figures:
        return "no file"
    return f"{figures['sqnr']:.1f}  {figures['accuracy']:.1f}"


def failures(rows: list[Row]) -> list[str]:
    """Every goal that is missed, in words; prints the mean gains."""
    missed = [line for row in rows for line in _missed(row)]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        pairs = [(row["ours"], row["stock"]) for row in rows if row["kind"] == kind]
        both = [(a["sqnr"], b["sqnr"]) for a, b in pairs if "sqnr" in a and "sqnr" in b]
        gain = fmean(a - b for a, b in both) if both else float("nan")
        print(f"mean gain over stock, {kind}: {gain:+.1f} dB")
        if not gain >= GAIN[kind]:
            missed.append(f"{kind}: {gain:+.1f} dB over stock in the mean, not {GAIN[kind]:+.0f}")
    return missed


def _missed(row: Row) -> list[str]:
    what = f"{row['network']} {row['kind']} {row['format']}"
    ours = row["ours"]
    others = {k: v for k, v in row.items() if k not in (*LABELS, "ours") and "sqnr" in v}
    if "failed" in ours:
        return [f"{what}: {ours['failed']}"]
    missed = []
    for name, figures in others.items():
        if ours["sqnr"] < figures["sqnr"] - BEHIND:
            missed.append(f"{what}: {ours['sqnr']:.1f} dB, {name} {figures['sqnr']:.1f}")
    if ours["accuracy"] < row["float"] - LOSS[row["kind"]] - ROUNDING:
        missed.append(f"{what}: {ours['accuracy']:.1f} % right, float {row['float']:.1f}")
    return missed
