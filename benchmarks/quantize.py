"""What int8 costs, in files of the stock tools and in ours, folded and not.

    python -m benchmarks.quantize [NETWORK ...] [--epochs 6]

The networks are trained on handwritten digits, and every file is calibrated on the same of their
training images. The test images tell signal-to-quantization-noise of the logits against the float32
Keras model, how often both read the same digit, and how often the file reads the right one. Stock
files come from `tf2onnx.convert.from_keras` and `TFLiteConverter.from_keras_model`; ONNX files of
all kinds are quantized by ONNX Runtime's `quantize_static` with the same settings.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnx
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.export import stock_onnx
from benchmarks.trained import images, trained
from export.formats import open_artifact
from export.onnx_format import convert as to_onnx
from export.onnx_format.precision import reduce
from export.tflite_format import convert as to_tflite
from export.tflite_format import flatbuffer as tflite_file
from export.verification import gate
from export.verification.comparison import compare
from fold import fold_batch_norms

NETWORKS = ["MobileNetV2", "ResNet50V2", "DenseNet121"]
CALIBRATION = 100
COLUMNS = ("format", "file", "SQNR dB", "cosine", "same digit", "right digit", "operators")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--epochs", type=int, default=6)
    given = parser.parse_args()
    keras.config.disable_interactive_logging()
    x, y, test, labels = images()
    for name in given.networks:
        model = trained(name, x, y, given.epochs)
        truth = model.predict(test, batch_size=32, verbose=0)
        right = np.mean(truth.argmax(1) == labels)
        table = Table(*COLUMNS, title=f"{name} in int8; in float32 it reads {right:.1%} right")
        with tempfile.TemporaryDirectory() as scratch:
            for path in files(model, x[:CALIBRATION], Path(scratch)):
                table.add_row(*measured(path, test, truth, labels))
        Console(width=100).print(table)


def files(model: keras.Model, data: np.ndarray, scratch: Path) -> Iterator[Path]:
    """The model in int8, made in three ways and two formats."""
    models = {"ours, unfolded": model, "ours, folded": fold_batch_norms(model).model}
    yield integer_onnx(model, data, scratch / "stock.onnx")
    with any_quality():
        for convert, suffix in ((to_onnx, "onnx"), (to_tflite, "tflite")):
            for kind, each in models.items():
                path = scratch / f"{kind}.{suffix}"
                convert(each, path, batch=1, precision="int8", calibration=data)
                yield path
    yield integer_tflite(model, data, scratch / "stock.tflite")


def integer_onnx(model: keras.Model, data: np.ndarray, path: Path) -> Path:
    stock_onnx(model, path)
    name = onnx.load(path).graph.input[0].name
    reduce(path, "int8", [{name: example[None]} for example in data])
    return path


def integer_tflite(model: keras.Model, data: np.ndarray, path: Path) -> Path:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([example[None]] for example in data)
    path.write_bytes(converter.convert())
    return path


def measured(path: Path, x: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> list[str]:
    """One row of the table."""
    runtime = open_artifact(path)
    name = runtime.inputs[0].name
    result = np.concatenate([next(iter(runtime({name: e[None]}).values())) for e in x])
    (found,) = compare({"y": truth}, {"y": result}, precision="int8").figures
    right = np.mean(result.argmax(1) == labels)
    figures = [f"{found.sqnr:.1f}", f"{found.cosine:.4f}", f"{found.top1:.1%}", f"{right:.1%}"]
    return [path.suffix[1:], path.stem, *figures, str(operators(path))]


def operators(path: Path) -> int:
    if path.suffix == ".onnx":
        return len(onnx.load(path).graph.node)
    return sum(tflite_file.operators(path.read_bytes()).values())


@contextmanager
def any_quality() -> Iterator[None]:
    """The gate lets every file pass: this is about how good they are."""
    before = gate.judge

    def lenient(reference, answers, bounds, setting):
        bounds = bounds.given(min_sqnr=-1000.0)
        return before(reference, answers, bounds, setting)

    gate.judge = lenient
    try:
        yield
    finally:
        gate.judge = before


if __name__ == "__main__":
    main()
