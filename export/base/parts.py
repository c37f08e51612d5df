"""What an output is joined from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Parts:
    """What an output is joined from.

    Attributes:
        labels: the part of each element of one example; it broadcasts against one.
        units: of each part, how large it is where it is large; 0 where that is not known.
    """

    labels: np.ndarray
    units: tuple[float, ...]


WHOLE = Parts(np.zeros(1, np.uint8), (0.0,))


WHOLE = Parts(np.zeros(1, np.uint8), (0.0,))
