"""Gives every Reshape a constant target where no more than one dimension is free."""

import numpy as np

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes.constants import drop_unread
from export.onnx_format.shapes import infer


def fix(graph: OnnxGraph) -> None:
    """A free dimension, such as the batch, becomes -1; what computed it is dropped."""
    shapes = infer(graph)
    for node in graph.nodes:
        if node.op_type != "Reshape" or node.input[1] in graph.constants:
            continue
        shape = shapes.get(node.output[0], (None, None))
        if shape.count(None) <= 1 and 0 not in shape:
            node.input[1] = f"{node.output[0]}/shape"
            target = [-1 if size is None else size for size in shape]
            graph.constants[node.input[1]] = np.array(target, np.int64)
    drop_unread(graph)
