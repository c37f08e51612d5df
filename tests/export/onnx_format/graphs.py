"""Small ONNX graphs and what they compute, by the reference evaluator and by ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.write import write

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


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def compute(edited, tmp_path, feeds):
    write(edited, tmp_path / "g.onnx")
    return ReferenceEvaluator(onnx.load(tmp_path / "g.onnx")).run(None, feeds)[0]


def compute_in_runtime(edited, tmp_path, feeds):
    write(edited, tmp_path / "g.onnx")
    return ort.InferenceSession(tmp_path / "g.onnx").run(None, feeds)[0]


def preserved(edited, apply, tmp_path, shape=(2, 6, 6, 8)):
    """`apply` changes nothing that the graph computes, in the evaluator and in the runtime."""
    feeds = {n: RNG.normal(size=shape).astype("float32") for n in edited.inputs}
    before = compute(edited, tmp_path, feeds)
    apply(edited)
    for run in (compute, compute_in_runtime):
        np.testing.assert_allclose(run(edited, tmp_path, feeds), before, rtol=1e-4, atol=1e-5)
