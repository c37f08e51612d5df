"""A per-channel affine goes into a convolution or becomes one."""

import numpy as np

from export.onnx_format.passes import affine
from tests.export.onnx_format.graphs import FIRST, graph, node, normal, preserved


def affine_nodes(source):
    return [node("Mul", f"{source} s", "m"), node("Sub", "m d", "n"), node("Relu", "n", "y")]


def test_an_affine_behind_a_convolution_goes_into_it(tmp_path):
    weights = {"k": normal(8, 6, 1, 1), "s": normal(1, 8, 1, 1), "d": normal(8, 1, 1)}
    edited = graph([node("Conv", "x k", "a"), *affine_nodes("a")], weights)
    preserved(edited, affine.rewrite, tmp_path)
    assert edited.operators() == {"Conv": 1, "Relu": 1}


def test_an_affine_elsewhere_becomes_a_depthwise_convolution(tmp_path):
    weights = {"s": normal(1, 8, 1, 1), "d": normal(1, 8, 1, 1), "t": np.array([4.0], "float32")}
    first = [
        node("Transpose", "x", "z", perm=FIRST),
        node("Relu", "z", "a"),
        *affine_nodes("a"),
    ]
    edited = graph(first, weights)
    preserved(edited, affine.rewrite, tmp_path)
    assert edited.operators() == {"Conv": 1, "Relu": 2, "Transpose": 1}


def test_an_affine_that_is_the_same_for_all_channels_stays(tmp_path):
    weights = {"s": np.array(0.5, "float32"), "d": np.array(2.0, "float32")}
    first = [
        node("Transpose", "x", "z", perm=FIRST),
        node("Relu", "z", "a"),
        *affine_nodes("a"),
    ]
    edited = graph(first, weights)
    preserved(edited, affine.rewrite, tmp_path)
    assert "Conv" not in edited.operators()


def test_a_convolution_that_others_read_is_not_changed(tmp_path):
    weights = {"k": normal(8, 6, 1, 1), "s": normal(1, 8, 1, 1)}
    nodes = [node("Conv", "x k", "a"), node("Mul", "a s", "m"), node("Add", "m a", "y")]
    edited = graph(nodes, weights)
    preserved(edited, affine.rewrite, tmp_path)
    assert edited.operators() == {"Add": 1, "Conv": 2}
