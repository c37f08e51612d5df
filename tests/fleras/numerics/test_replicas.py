"""Replicas: two logical CPUs, and two processes over loopback."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.fleras import replica_worker as worker

ROOT = Path(__file__).parents[3]


def start(kind, output, configuration=None):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTHONPATH"] = str(ROOT)
    if configuration:
        environment["TF_CONFIG"] = json.dumps(configuration)
    command = [sys.executable, worker.__file__, kind, str(output)]
    log = output.with_suffix(".log").open("w")
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)


def finished(process, output):
    try:
        code = process.wait(timeout=240)
    finally:
        process.kill()
    assert code == 0, output.with_suffix(".log").read_text()[-3000:]
    return dict(np.load(output))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    output = tmp_path_factory.mktemp("mirrored") / "results.npz"
    return finished(start("mirrored", output), output)


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """The results of both processes as those of two replicas."""
    folder = tmp_path_factory.mktemp("workers")
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    outputs = [folder / f"{index}.npz" for index in range(2)]
    processes = [
        start("workers", output, {"cluster": {"worker": addresses}, "task": _task(index)})
        for index, output in enumerate(outputs)
    ]
    parts = [finished(p, o) for p, o in zip(processes, outputs, strict=True)]
    renamed = [
        {(k[:-1] + str(index) if k.endswith("_0") else f"{k}_{index}"): v for k, v in part.items()}
        for index, part in enumerate(parts)
    ]
    merged = renamed[0] | renamed[1]
    for kind in ("False", "True"):
        for name in ("moving_mean", "moving_variance"):
            saved = [merged.pop(f"{kind}_saved_{name}_{index}") for index in range(2)]
            np.testing.assert_array_equal(*saved)
            merged[f"{kind}_saved_{name}"] = saved[0]
    return merged


def _task(index):
    return {"type": "worker", "index": index}


@pytest.fixture(params=["mirrored", "workers"])
def results(request):
    return request.getfixturevalue(request.param)


def test_statistics_agree_and_their_mean_is_saved(results):
    """Each replica updates from its half; then they take the mean."""
    xs, _ = worker.batches()
    mean, variance = np.zeros(3), np.ones(3)
    for x in xs.astype(float):
        halves = [x[:4], x[4:]]
        mean = 0.8 * mean + 0.2 * np.mean([h.mean((0, 1, 2)) for h in halves], axis=0)
        variance = 0.8 * variance + 0.2 * np.mean([h.var((0, 1, 2)) for h in halves], axis=0)
    for name, want in {"moving_mean": mean, "moving_variance": variance}.items():
        replicas = [results[f"False_{name}_{i}"] for i in range(2)]
        np.testing.assert_array_equal(*replicas)
        np.testing.assert_array_equal(results[f"False_saved_{name}"], replicas[0])
        np.testing.assert_allclose(replicas[0], want, rtol=1e-5)


def test_synchronized_is_one_replica_with_the_whole_batch(results):
    layer = worker.new_layer(synchronized=True)
    for number, (x, dy) in enumerate(zip(*worker.batches(), strict=True)):
        y, (dx, dgamma, dbeta) = worker.step(layer, tf.constant(x), tf.constant(dy))

        def pair(name, number=number):
            return [results[f"True_{name}{number}_{i}"] for i in range(2)]

        np.testing.assert_allclose(np.concatenate(pair("y")), y, atol=1e-5)
        np.testing.assert_allclose(np.concatenate(pair("dx")), dx, atol=1e-5)
        np.testing.assert_allclose(sum(pair("dgamma")), dgamma, atol=1e-4)
        np.testing.assert_allclose(sum(pair("dbeta")), dbeta, atol=1e-4)
    for name in ("moving_mean", "moving_variance"):
        for i in range(2):
            want = getattr(layer, name)
            np.testing.assert_allclose(results[f"True_{name}_{i}"], want, rtol=1e-5)
