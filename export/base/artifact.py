"""What a conversion hands back: the file, and how its ports map to the Keras model's."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from export.base.human_bytes import human_bytes


@dataclass(frozen=True)
class Port:
    """One input or output.

    Attributes:
        name: what the Keras model calls it.
        target: what the file calls it; in a TFLite file, the key in its signature.
        index: its position among the file's inputs or outputs.
        shape: None where a dimension is free; the first axis is the batch.
        dtype: NumPy name of the dtype.
    """

    name: str
    target: str
    index: int
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Artifact:
    """A checked file.

    Attributes:
        path: the file.
        format: "onnx" or "tflite".
        precision: "float32", "float16", "dynamic_int8", "int8" or "int16x8".
        inputs: ports in the model's order.
        outputs: ports in the model's order.
        batch: the fixed batch size, None when it is free.
        opset: ONNX operator set; None for TFLite.
        ir_version: ONNX file format version; None for TFLite.
        size: bytes, of all files together.
        sha256: of `path`.
        files: further files that belong to it, such as external weights, with their SHA-256.
        operators: how often each operator occurs in the file.
        notes: what a reader of the report should know, one sentence each.
        ran: False when no installed runtime has all its operators, so that it was never run.
    """

    path: Path
    format: str
    precision: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    batch: int | None
    opset: int | None
    ir_version: int | None
    size: int
    sha256: str
    files: dict[str, str] = field(default_factory=dict)
    operators: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ran: bool = True

    def _repr_html_(self) -> str:
        """What matters in a notebook: the file, its size, its ports and operators."""
        operators = ", ".join(f"{name} {count}" for name, count in sorted(self.operators.items()))
        rows = {
            "file": str(self.path),
            "precision": self.precision,
            "size": human_bytes(self.size),
            "inputs": _ports(self.inputs),
            "outputs": _ports(self.outputs),
            "operators": operators,
            "SHA-256": self.sha256,
        }
        cells = (f"<tr><th>{key}</th><td>{escape(text)}</td></tr>" for key, text in rows.items())
        return f"<table>{''.join(cells)}</table>"


def _ports(ports: tuple[Port, ...]) -> str:
    shapes = (", ".join(str(size or "free") for size in port.shape) for port in ports)
    return "; ".join(
        f"{port.name} {port.dtype}[{shape}]" for port, shape in zip(ports, shapes, strict=True)
    )
