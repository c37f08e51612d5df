"""ONNX files written by hand, so that what they compute does not depend on a converter."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_dense(path, layer, batch="batch", names=("x", "y"), bias=0.0):
    """`x @ kernel + bias` as MatMul and Add; `bias` is added to the layer's own."""
    kernel, own = (np.asarray(weight) for weight in layer.get_weights())
    weights = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array((own + bias).astype(np.float32), "bias"),
    ]
    source, target = names
    nodes = [
        helper.make_node("MatMul", [source, "kernel"], ["product"]),
        helper.make_node("Add", ["product", "bias"], [target]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, size])
        for name, size in zip(names, kernel.shape, strict=True)
    ]
    graph = helper.make_graph(nodes, "dense", ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, path)
    return path
