"""What int8 loses, for the model as it was trained and for the folded one, in both formats.

    python -m benchmarks.quantize [NETWORK ...] [--size 96] [--examples 64]

Both are converted by this project and calibrated on the same random inputs; other random inputs
are compared with the float32 Keras model. Weights are random, batch-norm statistics too.
"""

import argparse
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from export import gate, to_onnx, to_tflite
from export.proof.comparison import compare
from export.runtimes import open_artifact
from export.signature import outputs
from fold import fold_batch_norms
from tests.batch_norms import randomise

NETWORKS = ["MobileNetV2", "ResNet50V2", "DenseNet121"]
CALIBRATION = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--examples", type=int, default=64)
    given = parser.parse_args()
    for name in given.networks:
        columns = ("format", "model", "SQNR dB", "cosine", "top-1 agreement", "operators")
        table = Table(*columns, title=f"{name} in int8")
        with tempfile.TemporaryDirectory() as room, any_quality():
            for row in measure(name, given, Path(room)):
                table.add_row(*row)
        Console(width=100).print(table)


def measure(name: str, given: argparse.Namespace, room: Path):
    keras.utils.set_random_seed(0)
    build = getattr(keras.applications, name)
    shape = (given.size, given.size, 3)
    model = randomise(build(weights=None, input_shape=shape, classifier_activation=None))
    rng = np.random.default_rng(0)
    data = rng.normal(size=(CALIBRATION, *shape)).astype("float32")
    x = rng.normal(size=(given.examples, *shape)).astype("float32")
    truth = model.predict(x, batch_size=8, verbose=0)
    models = {"unfolded": model, "folded": fold_batch_norms(model).model}
    for convert, suffix in ((to_onnx, "onnx"), (to_tflite, "tflite")):
        for kind, each in models.items():
            path = room / f"{kind}.{suffix}"
            made = convert(each, path, batch=1, precision="int8", calibration=data)
            found = figures(path, outputs(each)[0].name, x, truth)
            measured = f"{found.sqnr:.1f}", f"{found.cosine:.4f}", f"{found.top1:.0%}"
            yield suffix, kind, *measured, str(sum(made.operators.values()))


def figures(path: Path, output: str, x: np.ndarray, truth: np.ndarray):
    runtime = open_artifact(path)
    results = [runtime({runtime.inputs[0].name: example[None]})[output] for example in x]
    result = {output: np.concatenate(results)}
    return compare({output: truth}, result, precision="int8").figures[0]


@contextmanager
def any_quality():
    """The gate lets every file pass: this is about how good they are."""
    before, gate.compare = gate.compare, lambda *arrays, **options: True
    try:
        yield
    finally:
        gate.compare = before


if __name__ == "__main__":
    main()
