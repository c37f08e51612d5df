import keras
import numpy as np
import pytest

from export import to_onnx, to_tflite
from export.base.errors import ConversionError, InputError
from export.formats import engine_of, open_artifact
from tests.export.onnx_files import write_dense

X = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((5,), name="x")
    outputs = {"b": keras.layers.Dense(3, name="b")(x), "a": keras.layers.Dense(2, name="a")(x)}
    return keras.Model(x, outputs)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    home = tmp_path_factory.mktemp("files")
    onnx, tflite = home / "m.onnx", home / "m.tflite"
    to_onnx(model, onnx)
    to_tflite(model, tflite, batch=4)
    return {".onnx": onnx, ".tflite": tflite}


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@pytest.mark.parametrize("optimize", [True, False])
def test_arrays_go_in_and_out_by_keras_names(files, model, suffix, optimize):
    runtime = open_artifact(files[suffix], optimize, threads=1)
    assert [(port.name, port.shape[1:], port.dtype) for port in runtime.inputs] == [
        ("x", (5,), "float32")
    ]
    assert {port.name: port.shape[1] for port in runtime.outputs} == {"a": 2, "b": 3}
    result, expected = runtime({"x": X}), model(X)
    for name in ("a", "b"):
        np.testing.assert_allclose(result[name], expected[name], rtol=1e-5, atol=1e-6)


def test_free_and_fixed_dimensions(files):
    assert open_artifact(files[".onnx"]).inputs[0].shape == (None, 5)
    assert open_artifact(files[".tflite"]).inputs[0].shape == (4, 5)


def test_results_of_one_call_outlive_the_next(files):
    for path in files.values():
        runtime = open_artifact(path)
        first = runtime({"x": X})
        kept = {name: values.copy() for name, values in first.items()}
        runtime({"x": -X})
        for name, values in first.items():
            np.testing.assert_array_equal(values, kept[name])


def test_several_batches_in_one_session(files):
    runtime = engine_of(files[".onnx"]).open(files[".onnx"])
    one, two = runtime({"x": X}), runtime({"x": X[:1]})
    assert [port.name for port in runtime.inputs] == ["x"]
    assert len(runtime.outputs) == 2
    np.testing.assert_allclose(one["a"][:1], two["a"], rtol=1e-6)


def test_channels_first_files_take_and_give_channels_last(tmp_path):
    x = keras.Input((6, 4, 2), name="image")
    model = keras.Model(x, keras.layers.Conv2D(3, 3, name="y")(x))
    path = to_onnx(model, tmp_path / "m.onnx", nchw=True).path
    runtime = open_artifact(path)
    assert runtime.inputs[0].shape == (None, 6, 4, 2)
    image = np.random.default_rng(0).normal(size=(2, 6, 4, 2)).astype(np.float32)
    result = runtime({"image": image})["y"]
    np.testing.assert_allclose(result, model(image), rtol=1e-4, atol=1e-5)


def test_integer_files_take_and_give_reals(tmp_path):
    x = keras.Input((5,), name="x")
    model = keras.Model(x, keras.layers.Dense(3, name="y")(x))
    path = tmp_path / "m.tflite"
    to_tflite(model, path, precision="int8", calibration=X, integer_io=True, batch=4)
    runtime = open_artifact(path)
    assert runtime.inputs[0].dtype == runtime.outputs[0].dtype == "float32"
    result, expected = runtime({"x": X})["y"], np.asarray(model(X))
    assert result.dtype == np.float32
    assert np.abs(result - expected).max() < 0.05 * np.abs(expected).max()


def test_wrong_use_and_files_that_are_none(tmp_path):
    (tmp_path / "m.pb").touch()
    with pytest.raises(InputError, match=r"neither \.onnx nor \.tflite"):
        open_artifact(tmp_path / "m.pb")
    with pytest.raises(InputError, match="there is no file"):
        open_artifact(tmp_path / "absent.onnx")
    for name in ("noise.onnx", "noise.tflite"):
        (tmp_path / name).write_bytes(b"this is no graph" * 9)
        with pytest.raises(ConversionError, match=f"the runtime refuses {name}") as caught:
            open_artifact(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_wrong_input_is_an_error(tmp_path):
    layer = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]).layers[0]
    runtime = open_artifact(write_dense(tmp_path / "m.onnx", layer))
    with pytest.raises(Exception, match="x"):
        runtime({"z": X})


@pytest.mark.parametrize("convert", [to_onnx, to_tflite])
@pytest.mark.parametrize("metadata", [{"version": 3}, {1: "one"}, {"labels": ["cat"]}])
def test_metadata_that_are_no_text_are_refused_before_anything_is_converted(
    model, tmp_path, convert, metadata
):
    with pytest.raises(InputError, match="is no text; give strings"):
        convert(model, tmp_path / f"m.{convert.__name__[3:]}", metadata=metadata)
