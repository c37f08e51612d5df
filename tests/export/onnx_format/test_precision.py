"""Smaller precisions of an ONNX file: what they hold, and that they still compute the same."""

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto

from export.onnx_format.precision import reduce
from export.verification.comparison import compare
from tests.export.onnx_files import write_dense

RNG = np.random.default_rng(0)
KINDS = {
    "float16": TensorProto.FLOAT16,
    "dynamic_int8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
}


@pytest.fixture
def dense(tmp_path):
    layer = keras.layers.Dense(16)
    layer.build((None, 64))
    return write_dense(tmp_path / "dense.onnx", layer)


@pytest.mark.parametrize("precision", KINDS)
def test_weights_shrink_and_ports_stay_real(precision, dense):
    x = RNG.normal(size=(32, 64)).astype("float32")
    truth = ort.InferenceSession(dense).run(None, {"x": x})[0]
    reduce(dense, precision, [{"x": example[None]} for example in x])
    kernel = max(onnx.load(dense).graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    assert kernel.data_type == KINDS[precision]
    session = ort.InferenceSession(dense)
    assert {port.type for port in (*session.get_inputs(), *session.get_outputs())} == {
        "tensor(float)"
    }
    assert compare({"y": truth}, {"y": session.run(None, {"x": x})[0]}, precision=precision)


@pytest.mark.parametrize("signed", [False, True])
def test_activations_are_unsigned_unless_asked_otherwise(signed, dense):
    x = RNG.normal(size=(8, 64)).astype("float32")
    reduce(dense, "int8", [{"x": x}], signed=signed)
    kinds = {
        onnx.numpy_helper.to_array(tensor).dtype.name
        for tensor in onnx.load(dense).graph.initializer
        if tensor.name.endswith("zero_point") and not tensor.dims
    }
    assert kinds <= {"int8", "int32"} if signed else "uint8" in kinds
