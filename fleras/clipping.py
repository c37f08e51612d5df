"""The limits of the renorm correction: numbers, tensors or variables that change while training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fleras.keras_internals import unrounded

DEFAULTS = {"rmax": float("inf"), "rmin": 0.0, "dmax": float("inf")}


@dataclass(frozen=True)
class Clipping:
    """Limits of `r` and `d`: `r` in [rmin, rmax], `d` in [-dmax, dmax].

    The values stay what was given, so that a variable is read anew at each step and may be shared
    by many layers. As a plain object, it hides them from Keras' tracking: they are not weights.

    Attributes:
        given: maps some of 'rmax', 'rmin', 'dmax' to scalars: numbers, tensors, `tf.Variable`s or
            `keras.Variable`s. Missing keys are inf, 0 and inf.
    """

    given: Mapping[str, Any]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.given) - set(DEFAULTS))
        if unknown:
            raise ValueError(
                f"renorm_clipping has unknown keys. Expected some of {sorted(DEFAULTS)}. "
                f"Received: {dict(self.given)}"
            )
        limits = DEFAULTS | self.numbers()
        if not (limits["rmax"] >= limits["rmin"] and limits["dmax"] >= 0):
            raise ValueError(
                "renorm_clipping must have rmax >= rmin and dmax >= 0 "
                f"(missing keys are {DEFAULTS}). Received: {self.numbers()}"
            )

    def numbers(self) -> dict[str, float]:
        """The values of the given limits at this moment, as a config can hold them."""
        return {key: _number(key, value) for key, value in self.given.items()}

    def limits(self, dtype: tf.DType) -> Limits:
        """The limits as scalar tensors; None where there is nothing to clip."""
        return Limits(**{key: _tensor(key, self.given, dtype) for key in DEFAULTS})


@dataclass(frozen=True)
class Limits:
    """The limits within one step; None stands for no limit."""

    rmax: tf.Tensor | None = None
    rmin: tf.Tensor | None = None
    dmax: tf.Tensor | None = None

    def clip_r(self, r: tf.Tensor) -> tf.Tensor:
        """Returns `r` within [rmin, rmax]."""
        r = r if self.rmin is None else tf.maximum(r, self.rmin)
        return r if self.rmax is None else tf.minimum(r, self.rmax)

    def clip_d(self, d: tf.Tensor) -> tf.Tensor:
        """Returns `d` within [-dmax, dmax]."""
        return d if self.dmax is None else tf.clip_by_value(d, -self.dmax, self.dmax)


def number(value: Any) -> float:
    """The value of a scalar now, also of a variable that replicas share.

    Raises:
        TypeError: text.
        ValueError: not a scalar.
    """
    if isinstance(value, str | bytes):
        raise TypeError("text is no number")
    return float(np.asarray(tf.convert_to_tensor(value)).item())


def _number(key: str, value: Any) -> float:
    try:
        return number(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"renorm_clipping['{key}'] must be a scalar whose value can be read. "
            f"Received: {value!r}"
        ) from error


def _tensor(key: str, given: Mapping[str, Any], dtype: tf.DType) -> tf.Tensor | None:
    value = given.get(key)
    if value is None or (isinstance(value, int | float) and value == DEFAULTS[key]):
        return None
    if isinstance(value, keras.Variable):
        value = unrounded(value)
    return tf.cast(value, dtype)
