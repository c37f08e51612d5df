"""Zero padding in front of a maximum stays zero in the runtime."""

import numpy as np

from export.onnx_format.passes import padding
from tests.export.onnx_format.graphs import compute, compute_in_runtime, graph, node, normal


def test_zero_padding_survives_the_fusions_of_onnx_runtime(tmp_path):
    nodes = [
        node("Pad", "x pads", "p"),
        node("MaxPool", "p", "y", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    edited = graph(nodes, {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])})
    x = -np.abs(normal(2, 6, 6, 8))
    padding.protect(edited)
    result = compute_in_runtime(edited, tmp_path, {"x": x})
    np.testing.assert_allclose(result, compute(edited, tmp_path, {"x": x}), atol=1e-6)
    assert result.max() > -1e-30
