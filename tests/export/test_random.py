"""Random models, folded or not, in both formats with random options."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export import to_onnx, to_tflite
from fold import fold_batch_norms
from tests.fold.graphs import models

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
ONNX = {
    "batch": st.sampled_from([None, 1, 2]),
    "opset": st.integers(13, 18),
    "nchw": st.booleans(),
}
TFLITE = {
    "batch": st.sampled_from([1, 3]),
    "precision": st.sampled_from(["float32", "float16", "dynamic_int8"]),
}
CASES = {
    "model": models(),
    "folded": st.booleans(),
    "onnx": st.fixed_dictionaries(ONNX),
    "tflite": st.fixed_dictionaries(TFLITE),
}


@settings(max_examples=30, derandomize=True, **QUIET)
@given(**CASES)
def test_random_models_export(tmp_path_factory, model, folded, onnx, tflite):
    _exports(tmp_path_factory.mktemp("random"), model, folded, onnx, tflite)


@pytest.mark.fuzz
@settings(max_examples=int(os.environ.get("FLERAS_EXAMPLES", "500")), **QUIET)
@given(**CASES)
def test_many_random_models_export(tmp_path_factory, model, folded, onnx, tflite):
    _exports(tmp_path_factory.mktemp("random"), model, folded, onnx, tflite)


def _exports(room, model, folded, onnx, tflite):
    model = fold_batch_norms(model).model if folded else model
    to_onnx(model, room / "model.onnx", **onnx)
    to_tflite(model, room / "model.tflite", **tflite)
