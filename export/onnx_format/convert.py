"""Keras model to a checked ONNX file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from export.base.artifact import Artifact
from export.conversion.outcome import Outcome
from export.conversion.requests import refuse_idle
from export.conversion.write_files import write_file, write_files
from export.onnx_format.opsets import OPSET
from export.onnx_format.writer import OnnxWriter
from export.verification.reference import Reference


def to_onnx(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    opset: int = OPSET,
    batch: int | None = None,
    precision: str = "float32",
    calibration: Any = None,
    nchw: bool = False,
    integer_io: bool = False,
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    reference: Reference | None = None,
    trust: bool = False,
    min_sqnr: float | None = None,
) -> Artifact:
    """Writes `model` as an ONNX file that ONNX Runtime was seen to load, run and agree with.

    Batch norms are not folded; see `fold.fold_batch_norms`.

    Args:
        model: any built Keras model, or the path of a saved one. It is not changed.
        path: ends in `.onnx`.
        opset: ONNX operator set, 13 to 18.
        batch: fixed batch size; None leaves the first axis free and names it `batch`.
        precision: "float32", "float16", "dynamic_int8" (weights alone) or "int8" (all).
        calibration: representative inputs for "int8", see
            `export.keras_model.calibration.calibration_of`.
        nchw: whether images go in and out with channels first.
        integer_io: whether an "int8" file takes and gives int8 as well; else float32. The entry
            "quantized_ports" of its `metadata_props` holds scale and zero point of each.
        overwrite: whether a file of this name may be replaced.
        metadata: further entries for the file's `metadata_props`.
        reference: what the model computes, from `export.verification.make_reference`; saves a
            run.
        trust: of the path of a model, see `export.load_model`.
        min_sqnr: least ratio of signal to noise of a quantized file, in decibel, in the place of
            the default; see `export.verification.precisions`.

    Returns:
        An `Artifact` that tells the file's hash, size, ports and operators.

    Raises:
        InputError: wrong arguments, an unbuilt model, or the file exists.
        ConversionError: the model can't be converted; the message names the layer.
        NotEquivalent: the file would not compute what the model computes. None is written.
    """
    refuse_idle(precision, integer_io, min_sqnr)
    writer = OnnxWriter(opset, batch, nchw, integer_io, metadata or {})
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


def write_onnx(
    model: keras.Model,
    paths: Mapping[str, Path],
    *,
    opset: int,
    batch: int | None,
    nchw: bool,
    integer_io: bool,
    metadata: Mapping[str, str],
    **verification: Any,
) -> Iterator[Outcome]:
    """A file for each precision from one conversion; see `export.conversion.write_files`."""
    writer = OnnxWriter(opset, batch, nchw, integer_io, metadata)
    return write_files(model, paths, writer, **verification)
