"""ONNX Runtime as the verification sees it."""

from pathlib import Path

from export.base.runtime import Runtime
from export.verification.engine import Engine

DATA_SUFFIX = ".data"
"""What follows the name of a file in that of the weights beside it."""


def _load(path: Path, optimize: bool, threads: int | None) -> Runtime:
    from export.onnx_format.runtime import OnnxRuntime

    return OnnxRuntime(path, optimize, threads)


def _check(path: Path, allow_flex: bool) -> list[str]:
    from export.onnx_format.check import check

    check(path)
    return []


def _remedy(refusal: str) -> str:
    return "replace the layer or choose another format"


ONNX_RUNTIME = Engine(
    name="ONNX Runtime",
    suffix=".onnx",
    load=_load,
    check=_check,
    settings={"ONNX Runtime, optimised": True, "ONNX Runtime, as it is": False},
    remedy=_remedy,
)
