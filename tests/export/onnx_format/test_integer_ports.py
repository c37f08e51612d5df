"""Integers in and out of a quantized graph in the place of its outermost conversions."""

import numpy as np
import pytest

from export.base.errors import ConversionError
from export.onnx_format import integer_ports as integers
from tests.export.onnx_format.graphs import compute_in_runtime, graph, node

SHAPE = (2, 3)
WEIGHTS = {
    "s": np.array(0.5, "float32"),
    "z": np.array(3, "int8"),
    "t": np.array(0.25, "float32"),
    "o": np.array(-1, "int8"),
}
INSIDE = [
    node("QuantizeLinear", "x s z", "q"),
    node("DequantizeLinear", "q s z", "r"),
    node("Relu", "r", "a"),
]
ENDS = [node("QuantizeLinear", "a t o", "b"), node("DequantizeLinear", "b t o", "y")]


def test_ports_become_integers_with_the_same_meaning(tmp_path):
    x = np.array([[-4, 1, 2.5], [0, 8, -0.5]], "float32")
    edited = graph([*INSIDE, *ENDS], WEIGHTS, SHAPE)
    truth = compute_in_runtime(edited, tmp_path, {"x": x})
    assert integers.expose(edited) == {"x": (0.5, 3), "y": (0.25, -1)}
    result = compute_in_runtime(edited, tmp_path, {"x": (x / 0.5 + 3).astype("int8")})
    assert result.dtype == np.int8
    np.testing.assert_array_equal((result.astype("float32") + 1) * 0.25, truth)


def test_transposes_move_integers_as_well(tmp_path):
    x = np.array([[-4, 1, 2.5], [0, 8, -0.5]], "float32")
    first = [node("Transpose", "x", "u", perm=[1, 0]), node("QuantizeLinear", "u s z", "q")]
    last = [node("DequantizeLinear", "b t o", "v"), node("Transpose", "v", "y", perm=[1, 0])]
    edited = graph([*first, *INSIDE[1:], ENDS[0], *last], WEIGHTS, SHAPE)
    truth = compute_in_runtime(edited, tmp_path, {"x": x})
    integers.expose(edited)
    result = compute_in_runtime(edited, tmp_path, {"x": (x / 0.5 + 3).astype("int8")})
    np.testing.assert_array_equal((result.astype("float32") + 1) * 0.25, truth)


@pytest.mark.parametrize(
    "nodes", [[node("Relu", "x", "a"), *ENDS], [*INSIDE, node("Neg", "a", "y")]]
)
def test_ports_that_real_operations_use_are_refused(nodes):
    with pytest.raises(ConversionError, match="leave inputs and outputs real"):
        integers.expose(graph(nodes, WEIGHTS, SHAPE))
