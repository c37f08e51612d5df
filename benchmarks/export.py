"""Conversion time and artefact latency, folded and ours against unfolded and stock, in one run.

    python -m benchmarks.export [NETWORK ...] [--size 224] [--repeats 15]

Stock is `tf2onnx.convert.from_keras` and `TFLiteConverter` on the unfolded model. Ratios above 1
are in our favour. Our conversions include the checks that are made before a file is written.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from rich.console import Console
from rich.table import Table

from export import to_onnx, to_tflite
from export.processes import child
from export.runtimes import open_artifact
from fold import fold_batch_norms
from tests.batch_norms import randomise

NETWORKS = ["ResNet50", "ResNet152V2", "MobileNetV2", "DenseNet121", "EfficientNetB0", "ResNet50V2"]
BATCHES = (1, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    start = timed(lambda: child.call("starting", "export.processes.memory", "available"))
    console, ratios = Console(), []
    console.print(f"once per process, the converter's process needs {start:.1f} s to start")
    for name in given.networks:
        columns = ("ours ms", "stock ms", "ratio")
        conversion = Table("network", "ours s", "stock s", "ratio", title="to_onnx")
        latency = Table("network", "runtime", "batch", *columns, title="latency")
        with tempfile.TemporaryDirectory() as room:
            ratios += measure(name, given, Path(room), conversion, latency)
        console.print(conversion, latency)
    console.print(f"geometric mean of the latency ratios: {np.exp(np.mean(np.log(ratios))):.3f}")


def measure(name, given, room, conversion, latency) -> list[float]:
    model = network(name, given.size)
    folded = fold_batch_norms(model).model
    seconds = {
        "ours": timed(lambda: to_onnx(folded, room / "ours.onnx")),
        "stock": timed(lambda: stock_onnx(model, room / "stock.onnx")),
    }
    conversion.add_row(name, *columns(seconds, 1))
    ratios = []
    for batch in BATCHES:
        to_tflite(folded, room / f"ours{batch}.tflite", batch=batch)
        stock_tflite(model, room / f"stock{batch}.tflite", batch)
        shape = (batch, *model.input_shape[1:])
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        for runtime, files in (
            ("ONNX Runtime", {kind: room / f"{kind}.onnx" for kind in ("ours", "stock")}),
            ("LiteRT", {kind: room / f"{kind}{batch}.tflite" for kind in ("ours", "stock")}),
        ):
            found = latencies(files, x, given.repeats)
            latency.add_row(name, runtime, str(batch), *columns(found, 1000))
            ratios.append(found["stock"] / found["ours"])
    return ratios


def network(name: str, size: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
    return randomise(model, 0)


def stock_onnx(model: keras.Model, path: Path) -> None:
    proto, _ = tf2onnx.convert.from_keras(model, opset=18)
    path.write_bytes(proto.SerializeToString())


def stock_tflite(model: keras.Model, path: Path, batch: int) -> None:
    spec = tf.TensorSpec((batch, *model.input_shape[1:]), "float32", name="x")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: model(x, training=False), input_signature=[spec])
    with tempfile.TemporaryDirectory() as room:
        archive.write_out(room, verbose=False)
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(room).convert())


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def latencies(files: dict[str, Path], x: np.ndarray, repeats: int) -> dict[str, float]:
    """Medians of interleaved runs."""
    runs = {}
    for kind, path in files.items():
        runtime = open_artifact(path, threads=os.cpu_count())
        runs[kind] = lambda r=runtime: r({r.inputs[0].name: x})
    times = {kind: [] for kind in runs}
    for repeat in range(repeats + 3):
        for kind, run in runs.items():
            seconds = timed(run)
            if repeat >= 3:
                times[kind].append(seconds)
    return {kind: statistics.median(values) for kind, values in times.items()}


def columns(found: dict[str, float], scale: float) -> list[str]:
    ours, stock = found["ours"] * scale, found["stock"] * scale
    return [f"{ours:.1f}", f"{stock:.1f}", f"{stock / ours:.2f}"]


if __name__ == "__main__":
    main()
