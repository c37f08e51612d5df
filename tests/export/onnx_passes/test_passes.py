"""Passes keep what a graph computes, by the reference evaluator, and remove what they should."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from export.onnx_passes import affine, constants, duplicates, padding, transposes
from export.onnx_passes.external import write
from export.onnx_passes.graph import OnnxGraph

RNG = np.random.default_rng(0)
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def graph(nodes, weights, shape=(2, 6, 6, 8), inputs=("x",)):
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in inputs]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, "g", values, [result])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return OnnxGraph.parse(model.SerializeToString(), dict(weights))


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], name=output, **attributes)


def compute(edited, tmp_path, feeds):
    write(edited, tmp_path / "g.onnx")
    return ReferenceEvaluator(onnx.load(tmp_path / "g.onnx")).run(None, feeds)[0]


def preserved(edited, apply, tmp_path):
    feeds = {n: RNG.normal(size=(2, 6, 6, 8)).astype("float32") for n in edited.inputs}
    before = compute(edited, tmp_path, feeds)
    apply(edited)
    np.testing.assert_allclose(compute(edited, tmp_path, feeds), before, rtol=1e-4, atol=1e-5)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


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


def test_constants_are_computed_and_unread_nodes_dropped(tmp_path):
    nodes = [
        node("Transpose", "w", "t", perm=[1, 0]),
        node("MatMul", "x t", "y"),
        node("Relu", "x", "unread"),
    ]
    edited = graph(nodes, {"w": normal(4, 8)})
    preserved(edited, constants.fold, tmp_path)
    assert edited.operators() == {"MatMul": 1}


def test_equal_nodes_and_constants_are_merged(tmp_path):
    nodes = [node("Add", "x c", "a"), node("Add", "x d", "b"), node("Mul", "a b", "y")]
    value = normal(8)
    edited = graph(nodes, {"c": value, "d": value.copy()})
    preserved(edited, duplicates.merge, tmp_path)
    assert edited.operators() == {"Add": 1, "Mul": 1} and len(edited.constants) == 1


def test_zero_padding_survives_the_fusions_of_onnx_runtime(tmp_path):
    nodes = [
        node("Pad", "x pads", "p"),
        node("MaxPool", "p", "y", kernel_shape=[3, 3], strides=[2, 2]),
    ]
    edited = graph(nodes, {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])})
    x = -np.abs(normal(2, 6, 6, 8))
    padding.protect(edited)
    truth = compute(edited, tmp_path, {"x": x})
    result = ort.InferenceSession(tmp_path / "g.onnx").run(None, {"x": x})[0]
    np.testing.assert_allclose(result, truth, atol=1e-6)
    assert result.max() > -1e-30
