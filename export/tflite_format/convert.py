"""Keras model to a checked TFLite file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from export.base.artifact import Artifact
from export.conversion.outcome import Outcome
from export.conversion.requests import refuse_idle
from export.conversion.write_files import write_file, write_files
from export.tflite_format.writer import TFLiteWriter
from export.verification.reference import Reference


def to_tflite(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    batch: int | None = 1,
    precision: str = "float32",
    calibration: Any = None,
    integer_io: bool = False,
    allow_flex: bool = False,
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    reference: Reference | None = None,
    trust: bool = False,
    min_sqnr: float | None = None,
) -> Artifact:
    """Writes `model` as a TFLite file that LiteRT was seen to load, run and agree with.

    Batch norms are not folded; see `fold.fold_batch_norms`. Inputs and outputs are found by name
    through the signature `serving_default`.

    What is not told here is as in `export.to_onnx`.

    Args:
        model: as there.
        path: ends in `.tflite`.
        batch: fixed batch size, which is what delegates want; None leaves it free.
        precision: "float32", "float16", "dynamic_int8" (weights alone), "int8" (all) or
            "int16x8" (int16 activations, int8 weights).
        calibration: representative inputs for the last two.
        integer_io: whether such a file takes and gives integers as well; else float32.
        allow_flex: whether operators may be left to TensorFlow's own kernels, which few devices
            have. Such a file is run only where the installed runtime has them; else a note in the
            `Artifact` says that it was not.
        overwrite: as there.
        metadata: further entries for the file's metadata.
        reference: as there.
        trust: as there.
        min_sqnr: as there.

    Returns:
        An `Artifact`.

    Raises:
        InputError: as there, like the others.
        ConversionError: the model can't be converted.
        NotEquivalent: the file would be wrong.
    """
    refuse_idle(precision, integer_io, min_sqnr)
    writer = TFLiteWriter(batch, integer_io, allow_flex, metadata or {})
    return write_file(
        model,
        Path(path),
        precision,
        writer,
        calibration=calibration,
        overwrite=overwrite,
        reference=reference,
        trust=trust,
        tolerances={"min_sqnr": min_sqnr},
    )


def write_tflite(
    model: keras.Model,
    paths: Mapping[str, Path],
    *,
    batch: int | None,
    integer_io: bool,
    allow_flex: bool,
    metadata: Mapping[str, str],
    **verification: Any,
) -> Iterator[Outcome]:
    """A file for each precision from one conversion; see `export.conversion.write_files`."""
    writer = TFLiteWriter(batch, integer_io, allow_flex, metadata)
    return write_files(model, paths, writer, **verification)
