"""What it means to run a file: arrays by name in, arrays by name out."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from export.base.artifact import Port

Arrays = dict[str, np.ndarray]


class Runtime(Protocol):
    """A loaded artefact."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> Arrays:
        """Runs one batch; arrays by the names of `inputs`, results by those of `outputs`."""


def dims(shape: Any) -> tuple[int | None, ...]:
    """A shape as a runtime tells it, with None for what is free."""
    known = (int(size) if not isinstance(size, str | type(None)) else -1 for size in shape)
    return tuple(size if size >= 0 else None for size in known)


def is_quantized(detail: dict[str, Any]) -> bool:
    """Whether integers stand for real numbers in the port that `detail` describes."""
    return bool(detail["quantization"][0]) and np.dtype(detail["dtype"]).kind in "iu"


def to_integers(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """What a port takes for these real numbers."""
    if not is_quantized(detail):
        return value
    (scale, zero), limits = detail["quantization"], np.iinfo(detail["dtype"])
    levels = np.round(value / scale) + zero
    return np.asarray(np.clip(levels, limits.min, limits.max), detail["dtype"])


def to_reals(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """The real numbers that a port gives."""
    if not is_quantized(detail):
        return value
    scale, zero = detail["quantization"]
    return np.asarray((value.astype(np.float32) - zero) * scale, np.float32)
