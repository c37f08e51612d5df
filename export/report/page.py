"""One self-contained HTML page about an export: no script, no font, nothing from the network."""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from export.base.human_bytes import human_bytes
from export.base.visible import visible
from export.verification.advice import rule
from export.verification.tolerances import Tolerances


def render(manifest: Mapping[str, Any]) -> str:
    """The page for a manifest, as it stands in `manifest.json`; every text in it is escaped."""
    source = files("export.report").joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": human_bytes,
        "error": error,
        "batch": batch,
        "bounds": bounds,
        "rule": lambda record: rule(Tolerances(**record)),
    }
    return environment.from_string(source).render(manifest=manifest)


def _finalize(value: Any) -> Any:
    """Autoescaping is for browsers; a page is also looked at in a terminal."""
    if isinstance(value, Markup):
        return Markup(visible(value))
    return visible(value) if isinstance(value, str) else value


def error(figure: float | str | None) -> str:
    """A figure in two digits; infinities are stored as strings, unknown ones as None."""
    if figure is None:
        return "–"
    if figure == 0:
        return "0"
    return figure if isinstance(figure, str) else f"{figure:.1e}"


def batch(labels: Iterable[str]) -> str:
    """What a batch was made of: "normal, unit, 64 given"."""
    counts = Counter(labels).items()
    return ", ".join(label if count == 1 else f"{count} {label}" for label, count in counts)


def bounds(tolerances: Mapping[str, Any]) -> str:
    """What was allowed, in the terms that decided."""
    if tolerances["min_sqnr"] is not None:
        return f"SQNR {tolerances['min_sqnr']:.0f} dB"
    return f"rtol {tolerances['rtol']:.0e}, atol {tolerances['atol']:.0e}"
