"""Judges a file without the project's own verification: Keras' numbers against the real runtime."""

import json

import keras
import numpy as np
import onnxruntime as ort
from ai_edge_litert.interpreter import Interpreter

from export.keras_model import ports
from sample_models.batch_norms import example_inputs

LARGEST = {"float32": 2e-4, "float16": 2e-2, "dynamic_int8": 0.2}
"""The error that a precision may have, of the largest output."""

HALF = 5e-2
"""The error of Keras itself where it computes in bfloat16 and the file in float32."""


def assert_computes(model, path, batch=None, precision="float32", inputs=None):
    """The file gives what Keras gives, in the order and the types of the model's outputs."""
    inputs = example_inputs(model, batch or 2, seed=5) if inputs is None else inputs
    truth = [np.asarray(each) for each in keras.tree.flatten(model(inputs, training=False))]
    arrays = [_as_in_file(np.asarray(each)) for each in keras.tree.flatten(inputs)]
    names = [port.name for port in ports.inputs(model)]
    results = [port.name for port in ports.outputs(model)]
    run = {".onnx": _onnx, ".tflite": _tflite}[path.suffix]
    found = run(path, dict(zip(names, arrays, strict=True)), results)
    assert len(found) == len(truth)
    halves = any(layer.compute_dtype == "bfloat16" for layer in model._flatten_layers())
    allowed = max(LARGEST[precision], HALF if halves else 0)
    for own, other in zip(truth, found, strict=True):
        assert own.shape == other.shape
        assert other.dtype == _as_in_file(own).dtype
        own, other = own.astype("float64"), other.astype("float64")
        largest = np.max(np.abs(own), initial=0)
        assert np.max(np.abs(own - other), initial=0) <= allowed * largest + 1e-6


def _as_in_file(array):
    return array.astype("float32") if array.dtype.name in ("float64", "bfloat16") else array


def _onnx(path, feeds, names):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    first = json.loads(metadata.get("channels_first", "[]"))
    given = {n: np.moveaxis(x, -1, 1) if n in first else x for n, x in feeds.items()}
    found = dict(zip(names, session.run(names, given), strict=True))
    return [np.moveaxis(found[n], 1, -1) if n in first else found[n] for n in names]


def _tflite(path, feeds, names):
    found = Interpreter(str(path)).get_signature_runner()(**feeds)
    return [found[name] for name in names]
