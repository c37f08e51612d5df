"""Transposes vanish where they are undone, and nothing else changes."""

import numpy as np
import pytest

from export.onnx_format.transposes import sink as transposes
from tests.export.onnx_format.graphs import FIRST, LAST, graph, node, normal, preserved


def convolution(name, source, result):
    return [
        node("Transpose", source, f"{result}_first", perm=FIRST),
        node("Conv", f"{result}_first {name}", f"{result}_conv"),
        node("Transpose", f"{result}_conv", result, perm=LAST),
    ]


MIDDLES = {
    "nothing": [node("Identity", "a", "b")],
    "relu": [node("Relu", "a", "b")],
    "per channel": [node("Mul", "a vector", "m"), node("Add", "vector m", "b")],
    "gate": [
        node("ReduceMean", "a spatial", "mean"),
        node("Sigmoid", "mean", "gate"),
        node("Mul", "gate a", "b"),
    ],
    "two readers": [node("Relu", "a", "r"), node("Add", "r a", "b")],
    "concat": [node("Relu", "a", "r"), node("Concat", "r a", "c", axis=3), *[]],
    "pad": [node("Pad", "a pads", "p"), node("Slice", "p starts ends axes", "b")],
    "softmax": [node("Softmax", "a", "b", axis=-1)],
    "matrix": [node("MatMul", "a matrix", "b")],
    "reshape of one channel": [
        node("ReduceMean", "a_conv axis1", "mean"),
        node("Reshape", "mean last", "m"),
        node("Sub", "a m", "b"),
    ],
}
MIDDLES["concat"].append(node("Slice", "c starts0 ends8 axis3", "b"))
WEIGHTS = {
    "k1": normal(8, 8, 1, 1),
    "k2": normal(4, 8, 1, 1),
    "vector": normal(8),
    "matrix": normal(8, 8),
    "spatial": np.array([1, 2]),
    "pads": np.array([0, 1, 2, 0, 0, 0, 1, 0]),
    "starts": np.array([1]),
    "ends": np.array([6]),
    "axes": np.array([2]),
    "starts0": np.array([3]),
    "ends8": np.array([11]),
    "axis3": np.array([3]),
    "axis1": np.array([1]),
    "last": np.array([-1, 6, 6, 1]),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_transposes_between_convolutions_vanish(name, tmp_path):
    nodes = [*convolution("k1", "x", "a"), *MIDDLES[name], *convolution("k2", "b", "y")]
    edited = graph(nodes, WEIGHTS)
    preserved(edited, transposes.sink, tmp_path)
    assert edited.operators()["Transpose"] == 2


def test_a_transpose_that_someone_needs_stays(tmp_path):
    nodes = [*convolution("k1", "x", "a"), node("Reshape", "a flat", "y")]
    edited = graph(nodes, WEIGHTS | {"flat": np.array([2, -1])})
    preserved(edited, transposes.sink, tmp_path)
    assert edited.operators()["Transpose"] == 2


def test_a_reshape_that_mixes_elements_is_no_transpose(tmp_path):
    nodes = [*convolution("k1", "x", "a")[:2], node("Reshape", "a_conv mixed", "b")]
    nodes += convolution("k2", "b", "y")
    edited = graph(nodes, WEIGHTS | {"mixed": np.array([-1, 6, 6, 8])})
    preserved(edited, transposes.sink, tmp_path)
    assert edited.operators() == {"Conv": 2, "Reshape": 1, "Transpose": 3}


def test_a_transpose_without_order_reverses_the_axes(tmp_path):
    nodes = [node("Transpose", "x", "a"), node("Relu", "a", "b"), node("Transpose", "b", "y")]
    edited = graph(nodes, {})
    preserved(edited, transposes.sink, tmp_path)
    assert edited.operators() == {"Relu": 1}
