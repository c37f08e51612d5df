"""Random models, folded or not, in both formats with random options."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export import to_onnx, to_tflite
from fold import fold_batch_norms
from tests.export.layer_settings import networks
from tests.export.oracle import assert_computes
from tests.fold.graphs import models

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
FEW = settings(max_examples=40, derandomize=True, **QUIET)
MANY = settings(max_examples=int(os.environ.get("FLERAS_EXAMPLES", "500")), **QUIET)
ONNX = st.fixed_dictionaries(
    {
        "batch": st.sampled_from([None, 1, 2]),
        "opset": st.integers(13, 18),
        "nchw": st.booleans(),
    }
)
TFLITE = st.fixed_dictionaries(
    {
        "batch": st.sampled_from([1, 3]),
        "precision": st.sampled_from(["float32", "float16", "dynamic_int8"]),
    }
)
GRAPHS = given(st.one_of(models(), models().map(lambda m: fold_batch_norms(m).model)), ONNX, TFLITE)
SETTINGS = given(networks(), ONNX, TFLITE)


@pytest.fixture
def exports(tmp_path):
    def both(model, onnx, tflite):
        to_onnx(model, tmp_path / "model.onnx", overwrite=True, **onnx)
        assert_computes(model, tmp_path / "model.onnx", onnx["batch"])
        to_tflite(model, tmp_path / "model.tflite", overwrite=True, **tflite)
        assert_computes(model, tmp_path / "model.tflite", **tflite)

    return both


@FEW
@GRAPHS
def test_graphs(exports, model, onnx, tflite):
    exports(model, onnx, tflite)


@FEW
@SETTINGS
def test_settings(exports, model, onnx, tflite):
    exports(model, onnx, tflite)


@pytest.mark.fuzz
@MANY
@GRAPHS
def test_many_graphs(exports, model, onnx, tflite):
    exports(model, onnx, tflite)


@pytest.mark.fuzz
@MANY
@SETTINGS
def test_many_settings(exports, model, onnx, tflite):
    exports(model, onnx, tflite)
