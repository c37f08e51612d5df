"""ONNX files: names, batch, operator sets, layout, precisions, size, determinism, errors."""

import json

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from export import to_onnx
from export.base.errors import ConversionError, InputError
from export.formats import open_artifact
from export.keras_model.run import run_model
from export.onnx_format import write as external
from export.verification.comparison import compare
from tests.export import zoo


@pytest.fixture(scope="module")
def norms():
    return zoo.build(zoo.norms)


def agree(model, path, precision="float32", batch=2):
    feeds = zoo.feeds(model, batch)
    return compare(run_model(model, feeds), open_artifact(path)(feeds), precision=precision)


def test_names_shapes_and_the_named_batch_are_in_the_file(tmp_path):
    model = zoo.build(zoo.several)
    to_onnx(model, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [value.name for value in graph.input] == ["one", "two"]
    assert [value.name for value in graph.output] == ["cls", "box", "aux"]
    dims = [value.type.tensor_type.shape.dim for value in (*graph.input, *graph.output)]
    assert {dim[0].dim_param for dim in dims} == {"batch"}


def test_a_fixed_batch_is_fixed(norms, tmp_path):
    artifact = to_onnx(norms, tmp_path / "model.onnx", batch=5)
    assert artifact.batch == 5
    session = ort.InferenceSession(tmp_path / "model.onnx")
    assert session.get_inputs()[0].shape == [5, 8, 8, 3]
    assert session.get_outputs()[0].shape == [5, 3]


@pytest.mark.parametrize("opset", [13, 14, 15, 16, 17, 18])
def test_every_operator_set_from_13_to_18(norms, opset, tmp_path):
    artifact = to_onnx(norms, tmp_path / "model.onnx", opset=opset)
    model = onnx.load(tmp_path / "model.onnx")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert (artifact.opset, artifact.ir_version) == (opset, model.ir_version)
    assert agree(norms, artifact.path)


@pytest.mark.parametrize("opset", [12, 19])
def test_other_operator_sets_are_refused_at_once(norms, opset, tmp_path):
    with pytest.raises(InputError, match=f"opset {opset} .* 13 to 18"):
        to_onnx(norms, tmp_path / "model.onnx", opset=opset)


def test_one_transpose_per_image_and_none_with_channels_first(norms, tmp_path):
    artifact = to_onnx(norms, tmp_path / "last.onnx")
    assert artifact.operators.get("Transpose", 0) <= 1
    artifact = to_onnx(norms, tmp_path / "first.onnx", nchw=True)
    assert "Transpose" not in artifact.operators
    assert artifact.inputs[0].shape == (None, 3, 8, 8)
    session = ort.InferenceSession(tmp_path / "first.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, 8, 8]
    assert agree(norms, artifact.path)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_dense_layers_on_images_need_no_transposes(precision, tmp_path):
    model = zoo.build(zoo.dense_on_images)
    for nchw, transposes in ((False, 2), (True, 0)):
        artifact = to_onnx(model, tmp_path / f"{nchw}.onnx", precision=precision, nchw=nchw)
        assert artifact.operators.get("Transpose", 0) == transposes
        assert "MatMul" not in artifact.operators
        assert agree(model, artifact.path, precision)


def test_flattening_an_image_needs_no_transpose(tmp_path):
    model = zoo.build(zoo.flattened)
    for nchw, transposes in ((False, 1), (True, 0)):
        artifact = to_onnx(model, tmp_path / f"{nchw}.onnx", nchw=nchw)
        assert artifact.operators.get("Transpose", 0) == transposes
        assert "Shape" not in artifact.operators
        assert agree(model, artifact.path)


def test_wide_convolutions_of_one_pixel_are_summed(tmp_path):
    image = keras.Input((2, 2, 3))
    both = [keras.layers.Conv2D(1024, 2, bias_initializer="normal")(image) for _ in range(2)]
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(keras.layers.Add()(both)))
    assert agree(model, to_onnx(model, tmp_path / "model.onnx", batch=1).path, batch=1)


def test_no_batch_norm_arithmetic_is_left_behind_convolutions(norms, tmp_path):
    operators = to_onnx(norms, tmp_path / "model.onnx").operators
    assert operators["Conv"] == 2
    assert "Mul" not in operators and "Sub" not in operators


@pytest.mark.parametrize("nchw", [False, True])
def test_int8_inputs_and_outputs(nchw, tmp_path):
    model = zoo.build(zoo.classifier)
    data = np.random.default_rng(0).normal(size=(40, 16, 16, 3)).astype("float32")
    options = {"precision": "int8", "calibration": data, "nchw": nchw, "integer_io": True}
    artifact = to_onnx(model, tmp_path / "m.onnx", **options)
    session = ort.InferenceSession(artifact.path)
    ports = [*session.get_inputs(), *session.get_outputs()]
    assert {port.type for port in ports} == {"tensor(int8)"}
    assert agree(model, artifact.path, "int8", batch=8)


def test_int8_needs_calibration(norms, tmp_path):
    with pytest.raises(InputError, match="representative inputs"):
        to_onnx(norms, tmp_path / "model.onnx", precision="int8")


def test_large_weights_go_beside_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(external, "WEIGHT_LIMIT", 1000)
    model = zoo.build(zoo.classifier)
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert list(artifact.files) == ["model.onnx.data"]
    assert (tmp_path / "model.onnx").stat().st_size < (tmp_path / "model.onnx.data").stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    assert agree(model, artifact.path)


@pytest.mark.parametrize("precision", ["float16", "dynamic_int8", "int8"])
def test_other_precisions_of_large_weights_are_refused(precision, tmp_path, monkeypatch):
    monkeypatch.setattr(external, "WEIGHT_LIMIT", 1000)
    data = np.ones((4, 16, 16, 3), "float32")
    with pytest.raises(ConversionError, match=f"make {precision} of them hold 2; export in"):
        to_onnx(
            zoo.build(zoo.classifier), tmp_path / "m.onnx", precision=precision, calibration=data
        )
    assert not list(tmp_path.iterdir())


def test_metadata_tells_the_producer_and_what_is_given(norms, tmp_path):
    to_onnx(norms, tmp_path / "model.onnx", metadata={"source_sha256": "abc"})
    entries = {p.key: p.value for p in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert entries["source_sha256"] == "abc"
    assert entries["producer"] == "fleras" and json.loads(entries["preprocessing"]) == []


def test_an_operator_without_translation_is_refused_and_its_layer_named(tmp_path):
    model = zoo.build(zoo.untranslatable)
    with pytest.raises(ConversionError, match=r"layer 'strange' \(Strange\)"):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(norms, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="exists"):
        to_onnx(norms, path)
    assert path.read_bytes() == b"precious"
    to_onnx(norms, path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_zero_padding_before_max_pooling_stays_zero(tmp_path):
    model = zoo.build(zoo.padded_pool)
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert agree(model, artifact.path)


@pytest.mark.parametrize(
    "layer",
    [
        lambda x: keras.layers.MultiHeadAttention(2, 3, attention_axes=(1, 2))(x, x),
        keras.layers.Resizing(12, 10, crop_to_aspect_ratio=True),
    ],
)
def test_operators_without_half_precision_stay_in_float32(layer, tmp_path):
    entry = keras.Input((8, 8, 4))
    model = keras.Model(entry, layer(entry))
    assert to_onnx(model, tmp_path / "model.onnx", precision="float16").operators["Cast"]


def numbered():
    """Layers whose names are those that TensorFlow gives to the second use of another's."""
    x = keras.Input((8, 8, 2), name="x")
    y = keras.layers.Conv2D(3, 3, name="conv2d")(x)
    y = keras.layers.Conv2D(3, 3, name="conv2d_1", activation="relu")(y)
    layers = [keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 2, name="conv2d")]
    inner = keras.Sequential(layers, name="inner")
    return keras.Model(x, keras.layers.Flatten(name="y")(inner(y)), name="numbered")


def test_nodes_are_called_after_their_layers(tmp_path):
    path = to_onnx(numbered(), tmp_path / "model.onnx").path
    graph = onnx.load(path).graph
    weights = {node.name: node.input[1] for node in graph.node if node.op_type == "Conv"}
    assert weights == {
        "conv2d/Conv": "conv2d/kernel",
        "conv2d_1/Conv": "conv2d_1/kernel",
        "inner/conv2d/Conv": "inner/conv2d/kernel",
    }


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic_int8", "int8"])
def test_the_shapes_of_inner_tensors_are_in_the_file(tmp_path, precision):
    data = np.random.default_rng(0).normal(size=(8, 8, 8, 2))
    settings = {"calibration": data} if precision == "int8" else {}
    path = to_onnx(numbered(), tmp_path / "m.onnx", precision=precision, **settings).path
    graph = onnx.load(path).graph
    inner = {name for node in graph.node for name in node.output} - {"y"}
    declared = {value.name: value.type.tensor_type for value in graph.value_info}
    assert declared.keys() <= inner and len(declared) > len(inner) / 2
    found = onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True)
    for value in found.graph.value_info:
        if value.name in declared:
            assert value.type.tensor_type == declared[value.name]
    conv = (
        next(node for node in graph.node if node.op_type == "Conv")
        if precision == "float32"
        else None
    )
    if conv:
        dims = [dim.dim_param or dim.dim_value for dim in declared[conv.output[0]].shape.dim]
        assert dims == ["batch", 3, 6, 6]
