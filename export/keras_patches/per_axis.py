"""Sizes, strides and rates as Keras takes them: a number for all axes, or any sequence of them."""

from typing import Any

import numpy as np


def per_axis(value: Any, count: int) -> tuple[int, ...]:
    """The number for each of `count` axes."""
    return tuple(np.broadcast_to(value, count).tolist())
