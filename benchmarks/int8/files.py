"""The int8 files that are compared: ours, and those of the stock tools."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.export import stock_onnx, stock_tflite
from benchmarks.quantize import any_quality, integer_tflite
from export import to_onnx, to_tflite
from fold import fold_batch_norms


def ours(model: keras.Model, data: np.ndarray, form: str, path: Path) -> None:
    """Folds and exports as a user would."""
    write = {"onnx": to_onnx, "tflite": to_tflite}[form]
    with any_quality():
        folded = fold_batch_norms(model).model
        write(folded, path, batch=1, precision="int8", calibration=data)


def stock_files(model: keras.Model, data: np.ndarray, form: str, scratch: Path) -> Iterator[Path]:
    """int8 by each way that the stock tool has; leaves `float.onnx` or `float.tflite` beside."""
    if form == "onnx":
        yield from _onnx_files(model, data, scratch)
        return
    stock_tflite(model, scratch / "float.tflite", 1)
    yield integer_tflite(model, data, scratch / "stock.tflite")


def _onnx_files(model: keras.Model, data: np.ndarray, scratch: Path) -> Iterator[Path]:
    """tf2onnx, ONNX Runtime's preparation, and its quantization with each of its calibrators."""
    plain, ready = scratch / "float.onnx", scratch / "ready.onnx"
    stock_onnx(model, plain)
    quant_pre_process(plain, ready, skip_symbolic_shape=True)
    name = onnx.load(ready).graph.input[0].name
    for method in ("MinMax", "Entropy", "Percentile"):
        path = scratch / f"{method}.onnx"
        quantize_static(
            ready,
            path,
            _Reader(name, data),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method],
        )
        yield path


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, data: np.ndarray) -> None:
        self._examples = iter([{name: example[None]} for example in data])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._examples, None)
