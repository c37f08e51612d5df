"""One network in one format: our int8 file, the stock tools' and the peers', on the test images."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.int8.files import ours, stock_files
from benchmarks.int8.peers import Peer, quantized
from export.formats import open_artifact

FORMS = ("onnx", "tflite")
Test = tuple[np.ndarray, np.ndarray]


def compared(
    model: keras.Model,
    form: str,
    data: np.ndarray,
    test: Test,
    peers: Sequence[Peer],
    environments: Path | None,
) -> dict[str, Any]:
    """Accuracy in float, and of each tool its figures or why it made no file."""
    truth = model.predict(test[0], verbose=0)
    row: dict[str, Any] = {"float": _accuracy(truth, test[1])}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        np.save(folder / "examples.npy", data)
        row["ours"] = _attempt(
            lambda path: ours(model, data, form, path), folder, form, test, truth
        )
        row["stock"] = _best(model, data, form, folder, test, truth)
        for peer in peers:
            if peer.form == form and environments:
                row[peer.name] = _peer(peer, environments, folder, test, truth)
    return row


def _attempt(write: Any, folder: Path, form: str, test: Test, truth: np.ndarray) -> dict[str, Any]:
    path = folder / f"ours.{form}"
    start = time.perf_counter()
    try:
        write(path)
    except Exception as error:
        return {"failed": str(error).splitlines()[0]}
    return _figures(path, test, truth) | {"seconds": time.perf_counter() - start}


def _best(
    model: keras.Model, data: np.ndarray, form: str, folder: Path, test: Test, truth: np.ndarray
) -> dict[str, Any]:
    start, found = time.perf_counter(), []
    try:
        for path in stock_files(model, data, form, folder):
            found.append(_figures(path, test, truth) | {"seconds": time.perf_counter() - start})
    except Exception as error:
        return {"failed": str(error).splitlines()[0]}
    return max(found, key=lambda figures: figures["sqnr"]) | {"seconds": found[0]["seconds"]}


def _peer(
    peer: Peer, environments: Path, folder: Path, test: Test, truth: np.ndarray
) -> dict[str, Any]:
    target = folder / f"{peer.name}.{peer.form}"
    start = time.perf_counter()
    source = folder / f"float.{peer.form}"
    problem = quantized(peer, environments, source, folder / "examples.npy", target)
    if problem:
        return {"failed": problem}
    seconds = time.perf_counter() - start
    try:
        return _figures(target, test, truth) | {"seconds": seconds}
    except Exception as error:
        return {"failed": str(error).splitlines()[0]}


def _figures(path: Path, test: Test, truth: np.ndarray) -> dict[str, float]:
    """SQNR of the logits in dB, accuracy in percent, bytes, and ms per image."""
    runtime = open_artifact(path, threads=1)
    name = runtime.inputs[0].name
    x, y = test
    start = time.perf_counter()
    result = np.concatenate([next(iter(runtime({name: each[None]}).values())) for each in x])
    elapsed = time.perf_counter() - start
    noise = np.square(result - truth).sum()
    return {
        "sqnr": float(10 * np.log10(np.square(truth).sum() / noise)),
        "accuracy": _accuracy(result, y),
        "size": path.stat().st_size,
        "ms": 1000 * elapsed / len(x),
    }


def _accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    return 100 * float(np.mean(logits.argmax(1) == y))
