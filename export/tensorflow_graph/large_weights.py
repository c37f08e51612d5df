"""How large the weights are, and which can stay out of the converters."""

import math

import keras

from export.tensorflow_graph.trace import Traced

READERS = {
    "Conv2D",
    "Conv3D",
    "Conv2DBackpropInput",
    "Conv3DBackpropInputV2",
    "DepthwiseConv2dNative",
    "MatMul",
    "BatchMatMulV2",
    "GatherV2",
    "Einsum",
    "Reshape",
    "Transpose",
    "ExpandDims",
    "PartitionedCall",
    "StatefulPartitionedCall",
}
SMALL = 1024
LIGHT = 2**26


def separable(traced: Traced) -> frozenset[str]:
    """Names of the large weights whose every reader takes them as they are, such as a kernel.

    Smaller ones, and those that enter loops, are left for the converter to match and combine.
    """
    readers: dict[str, set[str]] = {name: set() for name in traced.weights}
    for node in traced.graph.node:
        for name in node.input:
            readers.get(name.split(":")[0], set()).add(node.op)
    return frozenset(
        name
        for name, value in traced.weights.items()
        if math.prod(value.shape) >= SMALL and readers[name] and readers[name] <= READERS
    )


def apart_in_tflite(traced: Traced) -> frozenset[str]:
    """The separable weights where they are so large, together, that copies of them matter."""
    names = separable(traced)
    return names if sum(traced.weights[name].nbytes for name in names) > LIGHT else frozenset()


def size(model: keras.Model) -> int:
    """Bytes of all weights in float32."""
    return sum(math.prod(weight.shape) * 4 for weight in model.weights)
