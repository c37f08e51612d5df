"""What is read from an old file: a configuration, and arrays by layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stored:
    """One array; its name is a path with slashes, the layer's own part last: "lstm/cell/kernel"."""

    name: str
    value: np.ndarray


@dataclass(frozen=True)
class OldModel:
    """A model of Keras 2 before it is rebuilt.

    Attributes:
        config: with "class_name" and "config".
        by_layer: arrays by layer of the whole model, in the order of Keras 2: what is trained
            first. None where the file has them by path.
        by_path: arrays by the path of their layer among the attributes of the model.
    """

    config: dict[str, Any]
    by_layer: Mapping[str, list[Stored]] | None = None
    by_path: Mapping[str, list[np.ndarray]] = field(default_factory=dict)
