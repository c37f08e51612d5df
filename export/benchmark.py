"""How long artefacts take, each in stretches of its own, and what memory they hold."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from export.base.artifact import Port
from export.base.errors import InputError
from export.base.files import size_of
from export.base.runtime import Runtime
from export.base.timing import in_blocks, take_turns
from export.formats import open_artifact
from export.processes.memory import resident

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
        p99: 99th percentile.
        rounds: how many there were.
        threads: that an operator may use; 0 where the runtime chooses.
        size: of the file, in bytes; 0 where there is none.
        memory: bytes that the process holds more of once the file is loaded and has run.
    """

    name: str
    batch: int
    median: float
    p95: float
    p99: float
    rounds: int
    threads: int = 0
    size: int = 0
    memory: int = 0


def benchmark(
    paths: Sequence[str | Path],
    batches: Sequence[int] = (1,),
    threads: int | None = None,
    duration: float = 2.0,
) -> list[Latency]:
    """Times `.onnx` and `.tflite` files in their runtimes.

    Args:
        paths: the files; each runs in stretches of its own, between those of the others.
        batches: sizes to try; a file with another fixed size is left out for that one.
        threads: for both runtimes; by default the number of cores.
        duration: seconds to measure each file and batch, roughly.

    Raises:
        InputError: no such file, or no file runs at any of the batches.
        ConversionError: a runtime refuses a file.
    """
    threads = threads or os.cpu_count() or 1
    loaded = {str(path): _load(Path(path), batches, threads) for path in paths}
    found: list[Latency] = []
    for batch in batches:
        calls = {
            name: call for name, (runtime, _) in loaded.items() if (call := _call(runtime, batch))
        }
        found += [
            replace(
                _latency(name, batch, seconds),
                threads=threads,
                size=size_of(Path(name)),
                memory=loaded[name][1],
            )
            for name, seconds in in_blocks(calls, duration).items()
        ]
    if not found:
        raise InputError(f"none of the files takes a batch of {list(batches)}; choose another")
    return found


def _load(path: Path, batches: Sequence[int], threads: int) -> tuple[Runtime, int]:
    """The file in its runtime, and what memory it took to load and run it.

    It is opened twice, because the first file also loads the runtime itself.
    """
    open_artifact(path, threads=threads)
    before = resident(os.getpid())
    runtime = open_artifact(path, threads=threads)
    for batch in batches:
        if call := _call(runtime, batch):
            call()
    return runtime, max(0, resident(os.getpid()) - before)


def machine() -> str:
    """The processor and the number of its cores."""
    return f"{_processor()}, {os.cpu_count()} cores"


def interleaved(calls: Mapping[str, Call], batch: int, duration: float = 2.0) -> list[Latency]:
    """Times several functions in turns after a few calls to warm up."""
    times = take_turns(calls, seconds=duration)
    return [_latency(name, batch, seconds) for name, seconds in times.items()]


def _latency(name: str, batch: int, seconds: Sequence[float]) -> Latency:
    half, most, nearly_all = (float(each) for each in np.quantile(seconds, (0.5, 0.95, 0.99)))
    return Latency(name, batch, 1e3 * half, 1e3 * most, 1e3 * nearly_all, len(seconds))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _call(runtime: Runtime, batch: int) -> Call | None:
    if any(port.shape and port.shape[0] not in (None, batch) for port in runtime.inputs):
        return None
    feeds = {port.name: _values(port, batch) for port in runtime.inputs}
    return lambda: runtime(feeds)


def _values(port: Port, batch: int) -> np.ndarray:
    """Uniform in [0, 1]; zeros where the input is an index."""
    shape = (batch, *(size or FREE for size in port.shape[1:]))
    return np.random.default_rng(0).uniform(size=shape).astype(port.dtype)
