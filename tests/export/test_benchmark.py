import time
from pathlib import Path

import keras
import pytest

from export.base import timing
from export.base.errors import InputError
from export.benchmark import benchmark, interleaved
from tests.export.onnx_files import write_dense


@pytest.fixture
def layer():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    return model.layers[0]


def test_rounds_are_interleaved():
    order = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = interleaved(calls, batch=1, duration=0.0)
    assert "".join(order[6:]) == ("abba" * found[0].rounds)[: 2 * found[0].rounds]


def test_each_file_has_stretches_of_its_own(monkeypatch):
    order = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    monkeypatch.setattr(timing, "REST", 0.0)
    found = timing.in_blocks(calls, seconds=0.0, blocks=3)
    stretch = timing.WARMUP + 1
    assert "".join(order) == "".join(name * stretch for name in "abbaab")
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 3, "b": 3}


def test_a_slower_function_takes_longer():
    calls = {"fast": lambda: None, "slow": lambda: time.sleep(0.002)}
    fast, slow = interleaved(calls, batch=1, duration=0.05)
    assert fast.median < slow.median <= slow.p95 <= slow.p99
    assert slow.median >= 2


def test_files_are_timed_at_each_batch_they_take(layer, tmp_path):
    free = write_dense(tmp_path / "free.onnx", layer)
    fixed = write_dense(tmp_path / "fixed.onnx", layer, batch=4)
    found = benchmark([free, fixed], batches=(1, 4), duration=0.01)
    assert [(latency.name, latency.batch) for latency in found] == [
        (str(free), 1),
        (str(free), 4),
        (str(fixed), 4),
    ]
    for latency in found:
        assert latency.size == Path(latency.name).stat().st_size
        assert latency.threads >= 1 and latency.memory >= 0


def test_no_file_takes_the_batch(layer, tmp_path):
    with pytest.raises(InputError, match="none of the files takes a batch"):
        benchmark([write_dense(tmp_path / "fixed.onnx", layer, batch=4)], batches=(2,))
