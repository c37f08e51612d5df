"""The precisions a file can have: one row each, with how far it may be from the float64 truth."""

from dataclasses import dataclass

from export.base.errors import InputError
from export.verification.tolerances import Tolerances


@dataclass(frozen=True)
class Precision:
    """One precision.

    Attributes:
        name: what users call it; the file is `model.NAME.SUFFIX`.
        tolerances: the documented defaults.
        calibrated: whether activations are integers: representative inputs are needed, and beyond
            their range the file saturates, so it is judged on typical examples alone.
        by_batch: whether activations are rounded by the range of the batch that they are in.
        formats: names of the formats that can hold it.
    """

    name: str
    tolerances: Tolerances
    calibrated: bool = False
    by_batch: bool = False
    formats: tuple[str, ...] = ("onnx", "tflite")

    @property
    def infix(self) -> str:
        """What the name of a file has before its suffix."""
        return "" if self.name == DEFAULT else f".{self.name}"


DEFAULT = "float32"
PRECISIONS = {
    row.name: row
    for row in (
        Precision(DEFAULT, Tolerances(rtol=1e-4, atol=1e-5)),
        Precision("float16", Tolerances(rtol=1e-2, atol=1e-2)),
        Precision("dynamic_int8", Tolerances(min_sqnr=15.0), by_batch=True),
        Precision("int8", Tolerances(min_sqnr=10.0), calibrated=True),
        Precision("int16x8", Tolerances(min_sqnr=20.0), calibrated=True, formats=("tflite",)),
    )
}


def precision_of(name: str) -> Precision:
    """The row of this name.

    Raises:
        InputError: there is none.
    """
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}; use one of {', '.join(PRECISIONS)}")
    return PRECISIONS[name]


def tolerances(
    precision: str = DEFAULT,
    rtol: float | None = None,
    atol: float | None = None,
    min_sqnr: float | None = None,
) -> Tolerances:
    """The defaults of `precision` with the given bounds in their place.

    Raises:
        InputError: the precision is unknown, or a bound is negative or no number.
    """
    return precision_of(precision).tolerances.given(rtol, atol, min_sqnr)
