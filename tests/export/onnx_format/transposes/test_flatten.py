"""The transpose in front of a flattening goes into the weights behind it, where it can."""

import numpy as np
import pytest

from export.onnx_format.transposes import flatten as flattening
from tests.export.onnx_format.graphs import LAST, graph, node, normal, preserved

SHAPE = (2, 3, 4, 5)
FLAT = [node("Transpose", "x", "t", perm=LAST), node("Reshape", "t flat", "f")]
WEIGHTS = {
    "flat": np.array([-1, 60]),
    "w": normal(60, 4),
    "v": normal(7, 60),
    "row": normal(60),
    "wide": normal(1, 60),
    "one": normal(1),
    "two": normal(120, 3),
    "table": normal(2, 60),
    "left": normal(5, 2),
}
ABSORBED = {
    "product": [node("MatMul", "f w", "y")],
    "transposed weights": [node("Gemm", "f v", "y", transB=1)],
    "single elements": [
        node("Mul", "f row", "m"),
        node("Sub", "wide m", "s"),
        node("Add", "s one", "a"),
        node("Relu", "a", "r"),
        node("MatMul", "r w", "y"),
    ],
    "several readers": [
        node("MatMul", "f w", "a"),
        node("MatMul", "f w", "b"),
        node("Add", "a b", "y"),
    ],
    "concatenation": [
        node("Relu", "f", "r"),
        node("Concat", "r f", "c", axis=1),
        node("MatMul", "c two", "y"),
    ],
}
KEPT = {
    "output": [node("Relu", "f", "y")],
    "reduction": [node("ReduceMax", "f", "m", keepdims=1), node("Mul", "m f", "y")],
    "a value per example": [node("Add", "f table", "a"), node("MatMul", "a w", "y")],
    "product from the left": [node("MatMul", "left f", "y")],
    "one reader of two": [
        node("MatMul", "f w", "a"),
        node("Softmax", "f", "s"),
        node("MatMul", "s w", "b"),
        node("Add", "a b", "y"),
    ],
}


@pytest.mark.parametrize("name", ABSORBED)
def test_the_weights_take_it(name, tmp_path):
    edited = graph([*FLAT, *ABSORBED[name]], WEIGHTS, SHAPE)
    preserved(edited, flattening.absorb, tmp_path, SHAPE)
    assert "Transpose" not in edited.operators()


@pytest.mark.parametrize("name", KEPT)
def test_it_stays_where_the_order_matters(name, tmp_path):
    edited = graph([*FLAT, *KEPT[name]], WEIGHTS, SHAPE)
    preserved(edited, flattening.absorb, tmp_path, SHAPE)
    assert edited.operators()["Transpose"] == 1


def test_it_stays_where_the_size_is_free(tmp_path):
    edited = graph([*FLAT, node("MatMul", "f w", "y")], WEIGHTS, (2, 3, "height", 5))
    preserved(edited, flattening.absorb, tmp_path, SHAPE)
    assert edited.operators()["Transpose"] == 1
