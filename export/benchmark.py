"""How long artefacts take: interleaved rounds, so that a busy moment slows all of them alike."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.base.artifact import Port
from export.base.errors import InputError
from export.base.runtime import Runtime
from export.base.timing import take_turns
from export.formats import open_artifact

Call = Callable[[], Any]
FREE = 32


@dataclass(frozen=True)
class Latency:
    """Time per call, in milliseconds.

    Attributes:
        name: of what was measured.
        batch: examples per call.
        median: over all rounds.
        p95: 95th percentile.
        rounds: how many there were.
    """

    name: str
    batch: int
    median: float
    p95: float
    rounds: int


def benchmark(
    paths: Sequence[str | Path],
    batches: Sequence[int] = (1,),
    threads: int | None = None,
    duration: float = 2.0,
) -> list[Latency]:
    """Times `.onnx` and `.tflite` files in their runtimes.

    Args:
        paths: the files; all are timed in turn, round by round.
        batches: sizes to try; a file with another fixed size is left out for that one.
        threads: for both runtimes; by default the number of cores.
        duration: seconds to measure each file and batch, roughly.

    Raises:
        InputError: no such file, or no file runs at any of the batches.
        ConversionError: a runtime refuses a file.
    """
    threads = threads or os.cpu_count() or 1
    found: list[Latency] = []
    for batch in batches:
        runtimes = {str(path): open_artifact(path, threads=threads) for path in paths}
        calls = {
            name: call for name, runtime in runtimes.items() if (call := _call(runtime, batch))
        }
        found += interleaved(calls, batch, duration)
    if not found:
        raise InputError(f"none of the files takes a batch of {list(batches)}; choose another")
    return found


def interleaved(calls: Mapping[str, Call], batch: int, duration: float = 2.0) -> list[Latency]:
    """Times several functions in turns after a few calls to warm up."""
    found = {
        name: 1e3 * np.array(each) for name, each in take_turns(calls, seconds=duration).items()
    }
    return [
        Latency(name, batch, float(np.median(each)), float(np.quantile(each, 0.95)), len(each))
        for name, each in found.items()
    ]


def _call(runtime: Runtime, batch: int) -> Call | None:
    if any(port.shape and port.shape[0] not in (None, batch) for port in runtime.inputs):
        return None
    feeds = {port.name: _values(port, batch) for port in runtime.inputs}
    return lambda: runtime(feeds)


def _values(port: Port, batch: int) -> np.ndarray:
    """Uniform in [0, 1]; zeros where the input is an index."""
    shape = (batch, *(size or FREE for size in port.shape[1:]))
    return np.random.default_rng(0).uniform(size=shape).astype(port.dtype)
