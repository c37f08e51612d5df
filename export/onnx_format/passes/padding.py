"""Keeps ONNX Runtime from merging zero padding into a maximum, which would ignore the zeros.

Its pad fusion turns `Pad(0) + MaxPool` into a MaxPool whose padding is minus infinity (seen in
1.31). That is right only where nothing is negative. A padding of almost zero is not merged.
"""

import numpy as np

from export.onnx_format.graph import OnnxGraph

NEARLY_ZERO = np.float32(-1e-37)
NOT_NEGATIVE = ("Relu", "Sigmoid", "Softmax", "Abs")


def protect(graph: OnnxGraph) -> None:
    """Changes the value of every zero padding in front of a MaxPool that negative values reach."""
    producers, readers = graph.producers(), graph.readers()
    for node in graph.nodes:
        if node.op_type != "Pad" or not _is_zero(graph, node.input):
            continue
        before = producers.get(node.input[0])
        pooled = any(reader.op_type == "MaxPool" for reader in readers.get(node.output[0], []))
        if pooled and (before is None or before.op_type not in NOT_NEGATIVE):
            name = f"{node.output[0]}/value"
            graph.constants[name] = np.array(NEARLY_ZERO)
            del node.input[2:]
            node.input.append(name)


def _is_zero(graph: OnnxGraph, inputs: list[str]) -> bool:
    """Without a value, padding is zero."""
    if len(inputs) < 3 or not inputs[2]:
        return True
    value = graph.constants.get(inputs[2])
    return value is not None and value.dtype == np.float32 and not value.any()
