"""TFLite files: signature, batch, precisions, operators, determinism, errors."""

import json
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export import to_tflite
from export.base.errors import ConversionError, InputError
from export.formats import open_artifact
from export.keras_model.run import run_model
from export.processes import child
from export.verification.comparison import compare
from tests.export import zoo

OF_THE_MACHINE = re.compile(r"\n|/|\.py|called from|Traceback")


@pytest.fixture(scope="module")
def norms():
    return zoo.build(zoo.norms)


def agree(model, path, precision="float32", batch=1):
    feeds = zoo.feeds(model, batch)
    return compare(run_model(model, feeds), open_artifact(path)(feeds), precision=precision)


def test_the_signature_carries_the_names_of_the_model(tmp_path):
    artifact = to_tflite(zoo.build(zoo.several), tmp_path / "model.tflite")
    interpreter = Interpreter(str(artifact.path))
    signature = interpreter.get_signature_list()["serving_default"]
    assert set(signature["inputs"]) == {"one", "two"}
    assert set(signature["outputs"]) == {"cls", "box", "aux"}
    details = interpreter.get_output_details()
    assert {port.name: port.index for port in artifact.outputs} == {
        detail["name"]: index for index, detail in enumerate(details)
    }


def test_the_batch_is_one_by_default_and_can_be_free(norms, tmp_path):
    fixed = to_tflite(norms, tmp_path / "fixed.tflite")
    assert open_artifact(fixed.path).inputs[0].shape == (1, 8, 8, 3)
    free = to_tflite(norms, tmp_path / "free.tflite", batch=None)
    assert open_artifact(free.path).inputs[0].shape == (None, 8, 8, 3)
    assert agree(norms, free.path, batch=4)


def test_int8_inputs_and_outputs(tmp_path):
    model = zoo.build(zoo.classifier)
    data = [np.random.default_rng(i).normal(size=(8, 16, 16, 3)) for i in range(5)]
    artifact = to_tflite(
        model, tmp_path / "m.tflite", precision="int8", calibration=iter(data), integer_io=True
    )
    assert Interpreter(str(artifact.path)).get_input_details()[0]["dtype"] == np.int8
    assert agree(model, artifact.path, "int8")


def test_recurrent_layers_need_no_operators_of_tensorflow(tmp_path):
    operators = to_tflite(zoo.build(zoo.bidirectional), tmp_path / "model.tflite").operators
    assert not [name for name in operators if name.startswith("Flex")]


def test_operators_of_tensorflow_are_refused_unless_allowed(tmp_path):
    with pytest.raises(ConversionError, match=r"layer 'inverse' \(Inverse\).*--allow-flex"):
        to_tflite(zoo.build(zoo.flex), tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_allowed_operators_of_tensorflow_are_written_and_said_to_be_unrun(tmp_path):
    artifact = to_tflite(zoo.build(zoo.flex), tmp_path / "model.tflite", allow_flex=True)
    assert "FlexMatrixInverse" in artifact.operators
    assert not artifact.ran
    assert "NOT RUN" in artifact.notes[-1] and "FlexMatrixInverse" in artifact.notes[-1]


def test_the_flag_alone_leaves_no_note(norms, tmp_path):
    assert not to_tflite(norms, tmp_path / "model.tflite", allow_flex=True).notes


def test_metadata_tells_the_producer_and_what_is_given(norms, tmp_path):
    to_tflite(norms, tmp_path / "model.tflite", metadata={"source_sha256": "abc"})
    content = (tmp_path / "model.tflite").read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content)
    entries = {entry.name.decode(): model.buffers[entry.buffer].data for entry in model.metadata}
    about = json.loads(bytes(entries["fleras"]))
    assert about["source_sha256"] == "abc" and about["producer"] == "fleras"


def test_too_large_is_refused(norms, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["export.tflite_format.writer"], "WEIGHT_LIMIT", 100)
    with pytest.raises(ConversionError, match="holds 2"):
        to_tflite(norms, tmp_path / "model.tflite")


def test_an_unbuilt_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="never built"):
        to_tflite(zoo.Subclassed(), tmp_path / "model.tflite")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_tflite_lacks_is_told_in_one_line(precision, tmp_path):
    entry = keras.Input((5,))
    model = keras.Model(entry, keras.ops.cumprod(keras.layers.Dense(5)(entry), axis=1))
    data = np.ones((4, 5), "float32")
    message = r"layer 'cumprod\w*' \(Cumprod\): needs .* \(Cumprod\); build it from other layers"
    with pytest.raises(ConversionError, match=message) as caught:
        to_tflite(model, tmp_path / "m.tflite", precision=precision, calibration=data)
    assert not OF_THE_MACHINE.search(str(caught.value))


class Double(keras.layers.Layer):
    def call(self, x):
        return tf.cast(tf.sqrt(tf.cast(x, tf.float64)), tf.float32)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Double(), r"\(Sqrt\); it computes in float64, so make its inputs .* float32"),
        (keras.layers.LSTM(2), r"fix the batch \(batch=1\), or unroll recurrent layers"),
    ],
)
def test_what_would_help_is_told(layer, message, tmp_path):
    entry = keras.Input((3, 4))
    with pytest.raises(ConversionError, match=message):
        to_tflite(keras.Model(entry, layer(entry)), tmp_path / "m.tflite", batch=None)


def test_other_text_of_the_converter_is_cut_to_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys.modules["export.tflite_format.writer"], "MISSING", re.compile("(never)")
    )
    message = r"layer 'inverse' \(Inverse\): .*MatrixInverse.*; replace it"
    with pytest.raises(ConversionError, match=message) as caught:
        to_tflite(zoo.build(zoo.flex), tmp_path / "model.tflite")
    assert not OF_THE_MACHINE.search(str(caught.value))


@pytest.fixture
def large_weights(monkeypatch):
    """Every weight counts as large, so that it stays out of the graph; yields what was so."""
    apart = []

    def recorded(*positional, weights=None, **arguments):
        apart.extend(weights or ())
        given = {"weights": weights} if weights is not None else {}
        return call(*positional, **given, **arguments)

    call = child.call
    monkeypatch.setattr(child, "call", recorded)
    monkeypatch.setattr(sys.modules["export.tensorflow_graph.large_weights"], "LIGHT", -1)
    monkeypatch.setattr(sys.modules["export.tensorflow_graph.large_weights"], "SMALL", 0)
    return apart


@pytest.mark.parametrize("maker", zoo.ALL, ids=lambda maker: maker.__name__)
def test_large_models_export_as_small_ones_do(maker, large_weights, tmp_path):
    model = zoo.build(maker)
    artifact = to_tflite(model, tmp_path / "model.tflite")
    enters_a_loop = maker is zoo.lstm
    assert large_weights or not model.weights or enters_a_loop
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]
    reference = zoo.reference(model)
    feeds = zoo.feeds(reference)
    assert compare(run_model(reference, feeds), open_artifact(artifact.path)(feeds))


@pytest.mark.parametrize("precision", ["float16", "dynamic_int8", "int8"])
def test_large_models_have_the_same_precisions(precision, large_weights, tmp_path):
    model = zoo.build(zoo.classifier)
    data = np.random.default_rng(0).normal(size=(40, 16, 16, 3)).astype("float32")
    artifact = to_tflite(model, tmp_path / "m.tflite", precision=precision, calibration=data)
    assert large_weights and agree(model, artifact.path, precision)


def test_large_models_keep_the_order_of_many_inputs(large_weights, tmp_path):
    entries = [keras.Input((3,), name=f"in_{index}") for index in range(12)]
    ends = [
        keras.layers.Dense(index + 1, name=f"out_{index}")(e) for index, e in enumerate(entries)
    ]
    model = keras.Model(entries, ends)
    artifact = to_tflite(model, tmp_path / "model.tflite")
    assert [port.index for port in artifact.outputs] == list(range(12))
    assert large_weights and agree(model, artifact.path)


def test_large_models_give_the_same_bytes(large_weights, tmp_path):
    model = zoo.build(zoo.grouped_2d)
    content = []
    for _ in range(2):
        content.append(to_tflite(model, tmp_path / "m.tflite", overwrite=True).path.read_bytes())
        child.stop()
    assert large_weights and content[0] == content[1]
    assert str(tmp_path).encode() not in content[0]


def test_a_file_of_free_size_can_be_loaded_before_its_size_is_set(tmp_path):
    entry = keras.Input((None, None, 3))
    model = keras.Model(entry, keras.layers.Conv2D(4, 5, strides=2)(entry))
    runtime = open_artifact(to_tflite(model, tmp_path / "model.tflite").path)
    assert runtime.inputs[0].shape == (1, None, None, 3)
    image = np.ones((1, 9, 11, 3), "float32")
    (result,) = runtime({runtime.inputs[0].name: image}).values()
    assert result.shape == (1, 3, 4, 4)
