"""What one export of both formats in four precisions opens, converts, runs and hashes.

    python -m benchmarks.export_trace [NETWORK] [--size 224] [--against CHECKOUT]

With another checkout of the project, both export the same file one after the other; ratios below
1 are in favor of this one.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

HERE = Path(__file__).parents[1]
PRECISIONS = ("float32", "float16", "dynamic_int8", "int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", default="ResNet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(trace(given.one)))
        return
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            [sys.executable, "-c", MAKE, directory, given.network, str(given.size)], check=True
        )
        checkouts = [HERE, *([given.against] if given.against else [])]
        found = [run(checkout, Path(directory)) for checkout in checkouts]
    show(given.network, found)


MAKE = """
import sys
from pathlib import Path
import keras, numpy as np
from sample_models.batch_norms import randomise
directory, network, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
keras.utils.set_random_seed(0)
model = getattr(keras.applications, network)(weights=None, input_shape=(size, size, 3))
data = np.random.default_rng(0).uniform(size=(16, size, size, 3)).astype("float32")
randomise(model, 0).save(directory / "model.keras")
np.save(directory / "data.npy", data)
"""


def run(checkout: Path, directory: Path) -> dict[str, float]:
    """The counts of an export by the code in `checkout`."""
    result = subprocess.run(
        [sys.executable, "-P", __file__, "--one", str(directory)],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        cwd=directory,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def trace(directory: Path) -> dict[str, float]:
    """Exports `model.keras` and counts what happens on the way, here and in the child."""
    counts: Counter[str] = Counter()
    source = str(directory / "model.keras")

    def audit(event: str, args: tuple) -> None:
        if event == "open" and str(args[0]).endswith("/model.keras"):
            where = "of" if str(args[0]) == source else "of copies of"
            counts[f"openings {where} the .keras file"] += 1

    sys.addaudithook(audit)
    from export.options import Options
    from export.pipeline import export
    from export.processes import child

    process = getattr(child, "WorkerProcess", None) or child.Child  # as older commits call it
    plain = process.call

    def call(self, what, request, *rest, **kwargs):
        counts["calls of the child"] += 1
        name = getattr(request[0], "__qualname__", request[1]).rsplit(".", 1)[-1]
        counts[f"of these, {name}"] += 1
        begun = time.perf_counter()
        try:
            return plain(self, what, request, *rest, **kwargs)
        finally:
            counts[f"seconds of {name}"] += time.perf_counter() - begun

    process.call = call
    digest = hashlib.file_digest

    def hashed(*args):
        counts["files hashed"] += 1
        return digest(*args)

    hashlib.file_digest = hashed
    _accept_everything(_module("verification.measure", "proof.measure"))
    start = time.perf_counter()
    options = Options(
        precisions=PRECISIONS, calibration=directory / "data.npy", overwrite=True, min_sqnr=-20.0
    )
    export(directory / "model.keras", directory / "out", options)
    elapsed = time.perf_counter() - start
    child.stop()
    return dict(counts) | {"seconds": elapsed, "seconds of processors": _cpu()}


def _accept_everything(measure: Any) -> None:
    """Untrained networks quantize badly; figures are computed, and none fails."""
    figures = measure.Figures
    measure.Figures = lambda **values: figures(**values | {"passed": True})


def _module(*names: str) -> ModuleType:
    """The first that there is; checkouts differ in where things are."""
    for name in names[:-1]:
        with suppress(ModuleNotFoundError):
            return import_module(f"export.{name}")
    return import_module(f"export.{names[-1]}")


def _cpu() -> float:
    """Of this process and of those that it started and that ended."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def show(network: str, found: list[dict[str, float]]) -> None:
    """One row per count."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        f"{network}, 2 formats, {len(PRECISIONS)} precisions", *("this", "other", "ratio")
    )
    for name in dict.fromkeys(key for each in found for key in each):
        this, *other = [each.get(name, 0) for each in found]
        ratio = f"{this / other[0]:.2f}" if other and other[0] else "-"
        table.add_row(name, f"{this:.4g}", *(f"{value:.4g}" for value in other), ratio)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
