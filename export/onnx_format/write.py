"""Writes the graph: one file, or weights beside it when they are too large for one."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from onnx import TensorProto, numpy_helper

from export.base.files import WEIGHT_LIMIT as WEIGHT_LIMIT
from export.onnx_format.engine import DATA_SUFFIX
from export.onnx_format.graph import OnnxGraph

ALIGNMENT = 4096
INSIDE = 1024


def write(graph: OnnxGraph, path: Path) -> list[Path]:
    """Writes `path`; above `WEIGHT_LIMIT` bytes the weights go to `<name>.data` beside it.

    Returns:
        The further files.
    """
    apart = sum(value.nbytes for value in graph.constants.values()) > WEIGHT_LIMIT
    model = type(graph.model)()
    model.CopyFrom(graph.model)
    if not apart:
        model.graph.initializer.extend(_inline(*item) for item in graph.constants.items())
        path.write_bytes(model.SerializeToString(deterministic=True))
        return []
    data = path.with_name(path.name + DATA_SUFFIX)
    with open(data, "wb") as file:
        for name, value in graph.constants.items():
            small = value.nbytes < INSIDE
            tensor = _inline(name, value) if small else _outside(name, value, data, file)
            model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return [data]


def _inline(name: str, value: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(value, name)


def _outside(name: str, value: np.ndarray, data: Path, file: BinaryIO) -> TensorProto:
    file.write(b"\0" * (-file.tell() % ALIGNMENT))
    tensor = numpy_helper.from_array(value[:0] if value.ndim else value, name)
    tensor.ClearField("raw_data")
    tensor.dims[:] = value.shape
    tensor.data_location = TensorProto.EXTERNAL
    location = {"location": data.name, "offset": file.tell(), "length": value.nbytes}
    for key, entry in location.items():
        tensor.external_data.add(key=key, value=str(entry))
    value.tofile(file)
    return tensor
