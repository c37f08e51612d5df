"""Shapes of the tensors in a graph, as far as ONNX can infer them without the weights."""

import onnx
from onnx import numpy_helper

from export.onnx_format.graph import OnnxGraph

Shape = tuple[int | None, ...]
SMALL = 64


def infer(graph: OnnxGraph) -> dict[str, Shape]:
    """Shape by tensor name; None for a dimension that is free, no entry where the rank is unknown.

    Large constants take part by their shape only, so that no weight is copied.
    """
    inferred = _inferred(graph)
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    shapes = {
        value.name: _dims(value.type.tensor_type.shape)
        for value in values
        if value.type.tensor_type.HasField("shape")
    }
    return shapes | {name: value.shape for name, value in graph.constants.items()}


def declare(graph: OnnxGraph) -> None:
    """Writes the shapes of inner tensors into the graph, for those who look at it."""
    del graph.model.graph.value_info[:]
    inner = {name for node in graph.nodes for name in node.output} - set(graph.outputs)
    graph.model.graph.value_info.extend(
        value for value in _inferred(graph).value_info if value.name in inner and _is_known(value)
    )


def _inferred(graph: OnnxGraph) -> onnx.GraphProto:
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    for name, value in graph.constants.items():
        if value.size <= SMALL:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
        else:
            kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, value.shape))
    return onnx.shape_inference.infer_shapes(model, data_prop=True).graph


def _is_known(value: onnx.ValueInfoProto) -> bool:
    tensor = value.type.tensor_type
    return bool(tensor.elem_type) and tensor.HasField("shape")


def _dims(shape: onnx.TensorShapeProto) -> Shape:
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in shape.dim)
