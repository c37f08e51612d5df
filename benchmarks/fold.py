"""How long folding takes: growth with depth, against tf2onnx, and peak memory.

Prints, for chains of 100 to 1,600 layers, the seconds and the fitted exponent; for ResNet152V2, the
ratio to the time tf2onnx needs to convert it, and the peak memory over the size of the weights.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

from export.base.timing import seconds_of
from fold import fold_batch_norms
from sample_models.batch_norms import randomise
from sample_models.networks import NETWORKS, folded_with_errors, network

DEPTHS = (100, 200, 400, 800, 1600)
ROUNDS = 3


def chain(depth: int) -> keras.Model:
    """Repeats of convolution, batch norm, ReLU, batch norm before an Add: `depth` layers in all."""
    x = inputs = keras.Input((8, 8, 4))
    for _ in range(depth // 5):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(y))
        x = layers.Add()([x, y])
    return randomise(keras.Model(inputs, x))


def seconds(function: Callable[..., object], *args: object) -> float:
    gc.collect()
    return seconds_of(lambda: function(*args))


def growth(console: Console) -> None:
    models = [chain(depth) for depth in DEPTHS]
    fold_batch_norms(models[0])
    runs = np.array([[seconds(fold_batch_norms, m) for m in models] for _ in range(ROUNDS)])
    medians = np.median(runs, axis=0)
    exponent = np.polyfit(np.log(DEPTHS), np.log(medians), 1)[0]
    table = Table("layers", "seconds", "ms per layer", title=f"growth: depth ** {exponent:.2f}")
    for depth, median in zip(DEPTHS, medians, strict=True):
        table.add_row(str(depth), f"{median:.2f}", f"{1e3 * median / depth:.2f}")
    console.print(table)


def against_tf2onnx(console: Console) -> None:
    import tensorflow as tf
    import tf2onnx

    model = randomise(keras.applications.ResNet152V2(weights=None), zeros=False)
    spec = [tf.TensorSpec(model.inputs[0].shape, tf.float32, name="input")]
    fold = [seconds(fold_batch_norms, model) for _ in range(ROUNDS)]
    convert = seconds(tf2onnx.convert.from_keras, model, spec)
    ratio = convert / np.median(fold)
    console.print(
        f"ResNet152V2: fold {np.median(fold):.1f} s, tf2onnx {convert:.1f} s, "
        f"tf2onnx / fold = {ratio:.1f}"
    )


def networks(console: Console) -> None:
    table = Table(
        "network", "batch norms", "folded", "reduced", "kept", "own error", "folded", "ratio"
    )
    ratios = []
    for name in NETWORKS:
        result, own, new = folded_with_errors(network(name))
        ratios.append(new / own)
        counts = [str(n) for n in (len(result.report), *result.report.counts.values())]
        table.add_row(name, *counts, f"{own:.1e}", f"{new:.1e}", f"{ratios[-1]:.2f}")
        keras.backend.clear_session()
    console.print(table)
    console.print(f"ratio of errors: median {np.median(ratios):.2f}, largest {max(ratios):.2f}")


def _status(field: str) -> int:
    """A figure of this process in bytes, for example its largest resident size so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def _peak(name: str, connection: Connection) -> None:
    model = randomise(getattr(keras.applications, name)(weights=None), zeros=False)
    size = sum(w.nbytes for w in model.get_weights())
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    fold_batch_norms(model)
    connection.send((_status("VmHWM") - before, size))


def memory(console: Console) -> None:
    for name in ("ResNet152V2", "ResNet50"):
        here, there = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_peak, args=(name, there))
        process.start()
        grown, size = here.recv()
        process.join()
        console.print(
            f"{name}: weights {size / 2**20:.0f} MiB, peak grew by {grown / 2**20:.0f} MiB; "
            f"with the model itself {1 + grown / size:.2f} times the weights"
        )


if __name__ == "__main__":
    out = Console()
    chosen = sys.argv[1:] or ["growth", "against_tf2onnx", "memory", "networks"]
    for part in (growth, against_tf2onnx, memory, networks):
        if part.__name__ in chosen:
            part(out)
