"""Smaller precisions of an ONNX file; the only user of its quantizers. Runs in the child."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from export.onnx_format.processor import overflows

Arrays = dict[str, np.ndarray]


def reduce(path: Path, precision: str, batches: list[Arrays], signed: bool = False) -> None:
    """Replaces a float32 file by one of another precision; its inputs and outputs stay float32.

    Args:
        path: an ONNX file.
        precision: one of `REDUCTIONS`.
        batches: representative inputs, where it needs some.
        signed: whether activations are int8; uint8 is faster on most CPUs.
    """
    logging.getLogger().setLevel(logging.ERROR)
    REDUCTIONS[precision](path, batches, signed)


def _half(path: Path, batches: list[Arrays], signed: bool) -> None:
    model = onnx.load(path)
    opset = next(each.version for each in model.opset_import if not each.domain)
    kinds = {node.op_type for node in model.graph.node}
    wide = [kind for kind in sorted(kinds) if not _takes_half(kind, opset)]
    _drop_empty_regions(model)
    onnx.save(
        convert_float_to_float16(
            model, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *wide]
        ),
        path,
    )


def _drop_empty_regions(model: onnx.ModelProto) -> None:
    """A region of interest without values is not wanted; in half precision it is refused."""
    empty = {tensor.name for tensor in model.graph.initializer if 0 in tensor.dims}
    for node in model.graph.node:
        if node.op_type == "Resize" and node.input[1] in empty:
            node.input[1] = ""


def _takes_half(kind: str, opset: int) -> bool:
    """False for the few operators that ONNX has for float32 but not for float16."""
    if not onnx.defs.has(kind, opset):
        return True
    constraints = onnx.defs.get_schema(kind, opset).type_constraints
    allowed = [set(each.allowed_type_strs) for each in constraints]
    return all("tensor(float16)" in types for types in allowed if "tensor(float)" in types)


def _dynamic(path: Path, batches: list[Arrays], signed: bool) -> None:
    """Weights in 8 bit, unsigned because ConvInteger has kernels for nothing else."""
    with TemporaryDirectory() as directory:
        result = Path(directory) / "model.onnx"
        quantize_dynamic(
            path,
            result,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            weight_type=QuantType.QUInt8,
        )
        path.write_bytes(result.read_bytes())


def _static(path: Path, batches: list[Arrays], signed: bool) -> None:
    """QDQ, weights per channel, in 7 bit where 8 would overflow."""
    with TemporaryDirectory() as directory:
        result = Path(directory) / "model.onnx"
        quantize_static(
            path,
            result,
            _Reader(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=overflows(),
            activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        path.write_bytes(result.read_bytes())


REDUCTIONS = {"float16": _half, "dynamic_int8": _dynamic, "int8": _static}


class _Reader(CalibrationDataReader):
    def __init__(self, batches: list[Arrays]) -> None:
        self._batches: Iterator[Arrays] = iter(batches)

    def get_next(self) -> Arrays | None:
        return next(self._batches, None)
