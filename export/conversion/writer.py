"""What a format has to offer so that files of it can be written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras

from export.base.artifact import Port
from export.base.runtime import Arrays
from export.tensorflow_graph.trace import Traced
from export.verification.engine import Engine


@dataclass(frozen=True)
class WriteResult:
    """What was written.

    Attributes:
        inputs: the ports as they are in the file, in the model's order.
        outputs: the same for the outputs.
        operators: how often each occurs.
        files: further files beside it.
        opset: ONNX operator set, where that has a meaning.
        ir_version: ONNX file format version, where that has a meaning.
        integers: whether anything that is real in the model is an integer in the file.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: dict[str, int]
    files: list[Path] = field(default_factory=list)
    opset: int | None = None
    ir_version: int | None = None
    integers: bool = False


@dataclass(frozen=True)
class Conversion:
    """A model to be converted once, for all of the precisions.

    Attributes:
        traced: the model as a TensorFlow graph.
        model: in float32, with known ports.
        precisions: those that will be written.
        calibration: representative batches, where a precision needs them.
        directory: for temporary files.
    """

    traced: Traced
    model: keras.Model
    precisions: Sequence[str]
    calibration: Sequence[Arrays]
    directory: Path


@dataclass(frozen=True)
class Target:
    """One file to be written.

    Attributes:
        model: in float32, with known ports.
        precision: one of those that were converted for.
        calibration: representative batches, where the precision needs them.
        path: of the file.
        size: one at which the model runs, for what it leaves open besides the batch.
    """

    model: keras.Model
    precision: str
    calibration: Sequence[Arrays]
    path: Path
    size: int


class Writer(Protocol):
    """One format with the settings of one export."""

    @property
    def name(self) -> str:
        """Of the format."""

    @property
    def engine(self) -> Engine:
        """What checks and runs the files."""

    @property
    def batch(self) -> int | None:
        """Size of the first axis; None leaves it free."""

    @property
    def allow_flex(self) -> bool:
        """Whether operators of TensorFlow itself may be in the file."""

    def check(self, model: keras.Model, precision: str) -> None:
        """Raises ConversionError where it can be told before the conversion."""

    def convert(self, given: Conversion) -> Any:
        """What `write` makes the files of."""

    def write(self, converted: Any, target: Target) -> WriteResult:
        """Writes one file of what `convert` returned for its model."""
