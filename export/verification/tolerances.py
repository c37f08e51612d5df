"""How far an artefact may be from the float64 truth."""

import math
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from export.base.errors import InputError

Bound = Annotated[float, Meta(ge=0)]


class Tolerances(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on an output `a` against its float64 reference `b`, example by example.

    Element by element `|a - b| <= atol * rms(b) + rtol * |b|`, where `rms(b)` is the root mean
    square over one example, or 1 for a sigmoid (see `export.keras_model.output_scale`); an artefact
    whose error is at most `noise` times that of the original float32 model passes too, up to
    `ceiling * rms(b)`: a network that amplifies rounding does so everywhere.
    Quantised files are judged by the ratio of signal to quantisation noise instead, over all
    examples together.

    Attributes:
        rtol: relative to the element.
        atol: relative to the root mean square of the example's output (1 where that is zero).
        noise: factor on the original model's own largest error.
        ceiling: bound on that allowance.
        min_sqnr: decibel; judged instead of `rtol` and `atol` when set. Outputs without noise, such
            as classes, may differ as often as the noise has a share in the signal.
    """

    rtol: Bound = 0.0
    atol: Bound = 0.0
    noise: Bound = 4.0
    ceiling: Bound = 1e-2
    min_sqnr: float | None = None

    def given(
        self, rtol: float | None = None, atol: float | None = None, min_sqnr: float | None = None
    ) -> "Tolerances":
        """These with the given bounds in their place.

        Raises:
            InputError: a bound is negative or no number.
        """
        bounds = {"rtol": rtol, "atol": atol, "min_sqnr": min_sqnr}
        chosen = {name: value for name, value in bounds.items() if value is not None}
        for name, value in chosen.items():
            if not math.isfinite(value) or (value < 0 and name != "min_sqnr"):
                raise InputError(f"{name} is {value}; give a number that is not negative")
        return replace(self, **chosen)

    def looser_than(self, other: "Tolerances") -> list[str]:
        """Names of the bounds that let more pass than those of `other`."""
        found = []
        for name in ("rtol", "atol", "noise", "ceiling", "min_sqnr"):
            mine, its = getattr(self, name), getattr(other, name)
            least = name == "min_sqnr"
            mine, its = (-1e308 if value is None else value for value in (mine, its))
            if (mine < its) if least else (mine > its):
                found.append(name)
        return found
