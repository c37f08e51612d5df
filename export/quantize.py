"""Smaller precisions of an ONNX file; the only user of its quantizers. Runs in the child."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader
from onnxruntime.transformers.float16 import convert_float_to_float16

Arrays = dict[str, np.ndarray]


def reduce(path: Path, precision: str, batches: list[Arrays], signed: bool = False) -> None:
    """Replaces a float32 file by one of another precision; its inputs and outputs stay float32.

    Args:
        path: an ONNX file.
        precision: "float16", "dynamic_int8" or "int8".
        batches: representative inputs, for "int8".
        signed: whether activations are int8; uint8 is faster on most CPUs.
    """
    logging.getLogger().setLevel(logging.ERROR)
    if precision == "int8":
        _static(path, batches, signed)
    else:
        {"float16": _half, "dynamic_int8": _dynamic}[precision](path)


def _half(path: Path) -> None:
    model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    onnx.save(model, path)


def _dynamic(path: Path) -> None:
    """Weights in 8 bit, unsigned because ConvInteger has kernels for nothing else."""
    with TemporaryDirectory() as room:
        result = Path(room) / "model.onnx"
        quantize_dynamic(
            path,
            result,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            weight_type=QuantType.QUInt8,
        )
        path.write_bytes(result.read_bytes())


def _static(path: Path, batches: list[Arrays], signed: bool) -> None:
    """QDQ, weights per channel in 7 bit: 8 overflow in the dot products of CPUs without VNNI."""
    with TemporaryDirectory() as room:
        result = Path(room) / "model.onnx"
        quantize_static(
            path,
            result,
            _Reader(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        path.write_bytes(result.read_bytes())


class _Reader(CalibrationDataReader):
    def __init__(self, batches: list[Arrays]) -> None:
        self._batches: Iterator[Arrays] = iter(batches)

    def get_next(self) -> Arrays | None:
        return next(self._batches, None)
