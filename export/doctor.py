"""Looks for what usually breaks an export: versions, imports, runtimes."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from export.processes.confinement import walls
from export.processes.memory import available


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        ok: False when an export will fail because of it.
        found: what is there.
        advice: what to do; empty when ok.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Yields one finding after the other; the slow ones, which import, come last."""
    yield _python()
    yield Finding("machine", True, f"{platform.platform(terse=True)}, {os.cpu_count()} cores")
    yield _memory()
    yield _confinement()
    yield from _packages()
    yield _imported("ONNX Runtime", _onnx_runtime)
    yield _imported("LiteRT", _lite_runtime)
    yield _imported("TensorFlow", lambda: import_module("tensorflow").__version__)
    yield _imported("Keras backend", _backend)


def _python() -> Finding:
    found = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, found, "" if ok else "use Python 3.11 or newer")


def _memory() -> Finding:
    free = available() / 2**30
    ok = free > 2
    return Finding(
        "free memory", ok, f"{free:.1f} GiB", "" if ok else "close programs: export needs 2 GiB"
    )


def _confinement() -> Finding:
    """What the process can't do in which a model is opened first; no export breaks without."""
    held = [f"{what}: {wall or 'no wall'}" for what, wall in walls().items()]
    return Finding("confined opening", True, ", ".join(held))


def _packages() -> Iterator[Finding]:
    """What an export requires, against what is installed."""
    for line in requires("fleras") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": "export"}):
            continue
        wanted = f"pip install '{requirement}'"
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Finding(requirement.name, False, "absent", wanted)
            continue
        ok = requirement.specifier.contains(found, prereleases=True)
        yield Finding(requirement.name, ok, found, "" if ok else wanted)


def _imported(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except Exception as error:
        line = " ".join(str(error).split())
        return Finding(name, False, line, "reinstall it: pip install --force-reinstall fleras")


def _onnx_runtime() -> str:
    runtime = import_module("onnxruntime")
    return f"{runtime.__version__}, {', '.join(runtime.get_available_providers())}"


def _lite_runtime() -> str:
    import_module("ai_edge_litert.interpreter")
    return version("ai-edge-litert")


def _backend() -> str:
    backend = str(import_module("keras").backend.backend())
    if backend != "tensorflow":
        raise ImportError(f"Keras runs on {backend}; set KERAS_BACKEND=tensorflow")
    return backend
