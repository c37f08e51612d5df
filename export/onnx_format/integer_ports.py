"""Lets integers in and out of a quantized file, in the place of its outermost conversions."""

from collections.abc import Iterable

import onnx
from onnx import TensorProto

from export.base.errors import ConversionError
from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes.constants import drop_unread

KEY = "quantized_ports"
Scales = dict[str, tuple[float, int]]


def expose(graph: OnnxGraph) -> Scales:
    """Makes every real input and output an integer one.

    Returns:
        Scale and zero point of each port: a real is `scale * (integer - zero)`.

    Raises:
        ConversionError: a port is read or made by something else than a conversion.
    """
    scales = {}
    for value in _real(graph.model.graph.input):
        node = _entrance(graph, value.name)
        graph.rename(node.output[0], node.input[0])
        scales[value.name] = _retype(graph, value, node)
        node.Clear()
        graph.replace_nodes([node for node in graph.nodes if node.op_type])
    for value in _real(graph.model.graph.output):
        node = _exit(graph, value.name)
        scales[value.name] = _retype(graph, value, node)
        if node.output[0] == value.name:
            _rename_made(graph, value.name, f"{value.name}/real")
            _rename_made(graph, node.input[0], value.name)
        else:
            graph.rename(node.output[0], node.input[0])
    drop_unread(graph)
    return scales


def _real(values: Iterable[onnx.ValueInfoProto]) -> list[onnx.ValueInfoProto]:
    return [value for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT]


def _entrance(graph: OnnxGraph, name: str) -> onnx.NodeProto:
    """The conversion that reads the input, at once or transposed."""
    readers = graph.readers()
    found = readers.get(name, [])
    while [node.op_type for node in found] == ["Transpose"]:
        found = readers.get(found[0].output[0], [])
    if [node.op_type for node in found] != ["QuantizeLinear"]:
        raise ConversionError(
            f"input {name!r} is not read as integers alone; leave inputs and outputs real"
        )
    return found[0]


def _exit(graph: OnnxGraph, name: str) -> onnx.NodeProto:
    """The conversion that makes the output, at once or transposed afterwards."""
    producers, readers = graph.producers(), graph.readers()
    node = producers.get(name)
    alone = True
    if node is not None and node.op_type == "Transpose":
        node = producers.get(node.input[0])
        alone = node is None or (len(readers[node.output[0]]) == 1 and name not in readers)
    before = producers.get(node.input[0]) if node is not None else None
    if node is None or node.op_type != "DequantizeLinear" or before is None or not alone:
        raise ConversionError(
            f"output {name!r} is not made from integers; leave inputs and outputs real"
        )
    return node


def _retype(
    graph: OnnxGraph, value: onnx.ValueInfoProto, node: onnx.NodeProto
) -> tuple[float, int]:
    scale, zero = (graph.constants[name] for name in node.input[1:3])
    kind = onnx.helper.np_dtype_to_tensor_dtype(zero.dtype)
    value.type.tensor_type.elem_type = kind
    return float(scale), int(zero)


def _rename_made(graph: OnnxGraph, old: str, new: str) -> None:
    for node in graph.nodes:
        node.output[:] = [new if name == old else name for name in node.output]
    graph.rename(old, new)
