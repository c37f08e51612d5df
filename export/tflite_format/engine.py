"""LiteRT as the verification sees it."""

from pathlib import Path

from export.base.artifact import Port
from export.base.runtime import Runtime
from export.verification.engine import Engine

SIGNATURE = "serving_default"
UNLINKED = "Select TensorFlow op"


def _load(path: Path, optimize: bool, threads: int | None) -> Runtime:
    from export.tflite_format.runtime import LiteRuntime

    return LiteRuntime(path, optimize, threads)


def _check(path: Path, allow_flex: bool) -> list[str]:
    from export.tflite_format.check import check

    return check(path, allow_flex)


def _remedy(refusal: str) -> str:
    if UNLINKED in refusal:
        return "try it where LiteRT has the Flex delegate"
    return "replace the layer or choose another format"


def _read_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    from export.tflite_format.flatbuffer import read_ports

    return read_ports(path)


LITERT = Engine(
    name="LiteRT",
    suffix=".tflite",
    load=_load,
    check=_check,
    settings={"LiteRT": True},
    remedy=_remedy,
    unlinked=UNLINKED,
    read_ports=_read_ports,
)
