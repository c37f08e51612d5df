"""Conversion time and artefact latency, folded and ours against unfolded and stock, in one run.

    python -m benchmarks.export [NETWORK ...] [--size 224] [--repeats 15]

Stock is `tf2onnx.convert.from_keras` and `TFLiteConverter.from_keras_model` on the unfolded model,
without any check. Ours includes the checks that are made before a file is written; "pipeline" is
all of `fold`, the float64 reference, both conversions and both verifications against both stock
conversions. Ratios above 1 are in our favour. The converter's process starts once for each process
that converts, while the model is being loaded and folded where that is done by `fleras export`;
its time is printed apart.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import geometric_mean

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from rich.console import Console
from rich.table import Table

from benchmarks.affine_forms import to_onnx_with_plain_affines, with_convolved_affines
from benchmarks.interleaved import medians
from export import to_onnx, to_tflite
from export.base.timing import seconds_of
from export.formats import engine_of, open_artifact
from export.processes import child
from export.processes.memory import available
from export.verification.make_reference import make_reference
from export.verification.replay import replay
from fold import fold_batch_norms
from sample_models.networks import network

NETWORKS = ["ResNet50", "ResNet152V2", "MobileNetV2", "DenseNet121", "EfficientNetB0", "ResNet50V2"]
BATCHES = (1, 8)
IMAGENET = {"classes": 1000, "classifier_activation": "softmax"}
CONSOLE = Console(width=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    keras.config.disable_interactive_logging()
    child.start()
    start = seconds_of(lambda: child.call("starting", available))
    CONSOLE.print(f"once per process, the converter's process needs {start:.1f} s to start")
    ratios: list[float] = []
    for name in given.networks:
        with tempfile.TemporaryDirectory() as scratch:
            ratios += measure(name, given, Path(scratch))
    CONSOLE.print(f"geometric mean of the latency ratios: {geometric_mean(ratios):.3f}")


def measure(name: str, given: argparse.Namespace, scratch: Path) -> list[float]:
    model = network(name, given.size, signs=True, zeros=True, **IMAGENET)
    folded = fold_batch_norms(model).model
    CONSOLE.print(conversions(name, model, folded, scratch))
    to_onnx_with_plain_affines(folded, scratch / "other.onnx")
    convolved = with_convolved_affines(folded)
    table = Table(
        "runtime", "batch", "ours ms", "stock ms", "stock / ours", title=f"{name} latency"
    )
    forms = Table(
        "runtime", "batch", "as 1x1 depthwise Conv ms", "as Mul + Add ms", title=f"{name} affines"
    )
    ratios = []
    for batch in BATCHES:
        stock_tflite(model, scratch / "stock.tflite", batch)
        to_tflite(folded, scratch / "ours.tflite", batch=batch, overwrite=True)
        to_tflite(convolved, scratch / "other.tflite", batch=batch, overwrite=True)
        shape = (batch, *model.input_shape[1:])
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        for runtime, suffix in (("ONNX Runtime", "onnx"), ("LiteRT", "tflite")):
            kinds = ("ours", "stock", "other")
            found = latencies({k: scratch / f"{k}.{suffix}" for k in kinds}, x, given.repeats)
            table.add_row(runtime, str(batch), *columns(found, 1000))
            ratios.append(found["stock"] / found["ours"])
            both = [f"{1000 * found[kind]:.1f}" for kind in ("ours", "other")]
            forms.add_row(runtime, str(batch), *(both if suffix == "onnx" else reversed(both)))
    CONSOLE.print(table, forms)
    return ratios


def conversions(name: str, model: keras.Model, folded: keras.Model, scratch: Path) -> Table:
    table = Table("", "ours s", "stock s", "stock / ours", title=f"{name} conversion")
    ours = seconds_of(lambda: to_onnx(folded, scratch / "ours.onnx"))
    stock = seconds_of(lambda: stock_onnx(model, scratch / "stock.onnx"))
    table.add_row("to_onnx", *columns({"ours": ours, "stock": stock}, 1))
    whole = seconds_of(lambda: pipeline(model, scratch))
    stock += seconds_of(lambda: stock_tflite(model, scratch / "stock.tflite", None))
    table.add_row("pipeline", *columns({"ours": whole, "stock": stock}, 1))
    return table


def pipeline(model: keras.Model, scratch: Path) -> None:
    """What `fleras export` does with a loaded model."""
    folded = fold_batch_norms(model).model
    reference = make_reference(model)
    for convert, path in ((to_onnx, scratch / "model.onnx"), (to_tflite, scratch / "model.tflite")):
        convert(folded, path, reference=reference)
        assert replay(reference, path, engine_of(path))


def stock_onnx(model: keras.Model, path: Path) -> None:
    proto, _ = tf2onnx.convert.from_keras(model, opset=18)
    path.write_bytes(proto.SerializeToString())


def stock_tflite(model: keras.Model, path: Path, batch: int | None) -> None:
    """With a fixed batch through a SavedModel, because `from_keras_model` can't fix one."""
    if batch is None:
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
        return
    spec = tf.TensorSpec((batch, *model.input_shape[1:]), "float32", name="x")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: model(x, training=False), input_signature=[spec])
    with tempfile.TemporaryDirectory() as scratch:
        archive.write_out(scratch, verbose=False)
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(scratch).convert())


def latencies(files: dict[str, Path], x: np.ndarray, repeats: int) -> dict[str, float]:
    """Medians of interleaved runs."""
    runs = {}
    for kind, path in files.items():
        runtime = open_artifact(path, threads=os.cpu_count())
        runs[kind] = lambda r=runtime: r({r.inputs[0].name: x})
    return medians(runs, repeats)


def columns(found: dict[str, float], scale: float) -> list[str]:
    ours, stock = found["ours"] * scale, found["stock"] * scale
    return [f"{ours:.1f}", f"{stock:.1f}", f"{stock / ours:.2f}"]


if __name__ == "__main__":
    main()
