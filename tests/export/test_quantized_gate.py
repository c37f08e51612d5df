"""Right quantized files pass and useless ones don't, in the real runtimes."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from export import NotEquivalent, Options, export, to_onnx, to_tflite
from export.base.errors import InputError

CONVERT = {"onnx": to_onnx, "tflite": to_tflite}
FORMATS = pytest.mark.parametrize("form", CONVERT)
RNG = np.random.default_rng(3)
IMAGES = RNG.uniform(0, 1, (80, 8, 8, 3)).astype(np.float32)


def detector(joined):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    boxes = layers.Rescaling(320.0)(layers.Conv2D(4, 1, activation="sigmoid")(x))
    scores = layers.Conv2D(6, 1, activation="sigmoid", name="scores")(x)
    outputs = layers.Concatenate(name="y")([boxes, scores]) if joined else [boxes, scores]
    return keras.Model(image, outputs)


@FORMATS
def test_scores_that_drown_in_boxes_are_refused_by_name(form, tmp_path):
    path = tmp_path / f"m.{form}"
    settings = {"precision": "int8", "calibration": IMAGES}
    with pytest.raises(NotEquivalent, match=r"channels 4 to 9 have .* of their own scale"):
        CONVERT[form](detector(joined=True), path, **settings)
    assert not path.exists()
    CONVERT[form](detector(joined=False), path, **settings)


def regression(targets):
    """Random features with the best last layer."""
    keras.utils.set_random_seed(1)
    x = keras.Input((1,), name="x")
    features = layers.Dense(64, activation="relu", bias_initializer="normal")(x)
    last = layers.Dense(1, name="y")
    model = keras.Model(x, last(features))
    inputs = np.linspace(-3, 3, 200, dtype=np.float32)[:, None]
    seen = np.asarray(keras.Model(x, features)(inputs)).astype(np.float64)
    ridge = np.linalg.solve(seen.T @ seen + 1e-1 * np.eye(64), seen.T @ targets(inputs))
    last.set_weights([ridge, np.zeros(1)])
    return model, inputs


@FORMATS
def test_a_regression_that_passes_zero_is_right(form, tmp_path):
    model, inputs = regression(np.sin)
    CONVERT[form](model, tmp_path / f"m.{form}", precision="int8", calibration=inputs)


@FORMATS
@pytest.mark.parametrize("bias", [0.0, -9.0])
def test_a_single_sigmoid_is_right_where_it_is_almost_zero(form, bias, tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, activation="relu")(image))
    constant = keras.initializers.Constant(bias)
    y = layers.Dense(1, activation="sigmoid", bias_initializer=constant)(x)
    model = keras.Model(image, y)
    CONVERT[form](model, tmp_path / f"m.{form}", precision="int8", calibration=IMAGES)


def classifier():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(32, 3, activation="relu")(image)
    x = layers.Flatten()(layers.Conv2D(32, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(10, name="y")(x))


@FORMATS
@pytest.mark.parametrize("precision", ["int8", "dynamic_int8"])
def test_python_and_the_command_line_judge_alike(form, precision, tmp_path):
    model = classifier()
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "data.npy", IMAGES)
    calibrated = precision == "int8"
    calibration = tmp_path / "data.npy" if calibrated else None
    options = Options(formats=(form,), precisions=(precision,), calibration=calibration)
    result = export(tmp_path / "m.keras", tmp_path / "out", options)
    ((_, comparison),) = result.artifacts
    least = min(figures.sqnr for figures in comparison.figures)
    path = tmp_path / f"m.{form}"
    settings = {"precision": precision, "calibration": IMAGES if calibrated else None}
    CONVERT[form](model, path, min_sqnr=least - 1.0, **settings)
    with pytest.raises(NotEquivalent):
        CONVERT[form](model, path, min_sqnr=least + 1.0, overwrite=True, **settings)


def test_the_least_ratio_can_be_zero(tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, kernel_initializer="he_normal")(image)
    wide = layers.Rescaling(scale=list(np.logspace(0, 2.3, 8)))(x)
    y = layers.Rescaling(scale=list(np.logspace(0, -2.3, 8)), name="y")(wide)
    model = keras.Model(image, y)
    settings = {"precision": "int8", "calibration": IMAGES}
    with pytest.raises(NotEquivalent):
        to_tflite(model, tmp_path / "m.tflite", min_sqnr=60.0, **settings)
    to_tflite(model, tmp_path / "m.tflite", min_sqnr=0.0, **settings)


def test_scores_beside_boxes_live_with_16_bit_activations(tmp_path):
    path = tmp_path / "m.tflite"
    artifact = to_tflite(detector(joined=True), path, precision="int16x8", calibration=IMAGES)
    assert artifact.precision == "int16x8"
    assert not [note for note in artifact.notes if "tell nothing" in note]


def test_ports_of_16_bits(tmp_path):
    path = tmp_path / "m.tflite"
    settings = {"calibration": IMAGES, "precision": "int16x8", "integer_io": True}
    to_tflite(classifier(), path, **settings)
    interpreter = Interpreter(model_path=str(path))
    for details in (interpreter.get_input_details(), interpreter.get_output_details()):
        assert [np.dtype(each["dtype"]).name for each in details] == ["int16"]


def test_a_format_that_cannot_hold_a_precision_says_so_at_once(tmp_path):
    with pytest.raises(InputError, match=r"no \.onnx file holds int16x8"):
        to_onnx(None, tmp_path / "m.onnx", precision="int16x8", calibration=IMAGES)


@FORMATS
def test_arguments_that_a_precision_cannot_follow_are_refused_at_once(form, tmp_path):
    for wrong in ({"integer_io": True}, {"min_sqnr": 20.0}):
        with pytest.raises(InputError, match="leave") as error:
            CONVERT[form](None, tmp_path / f"m.{form}", **wrong)
        assert "\n" not in str(error.value)


def test_integer_ports_beside_other_precisions(tmp_path):
    classifier().save(tmp_path / "m.keras")
    np.save(tmp_path / "data.npy", IMAGES)
    precisions = ("float32", "float16", "dynamic_int8", "int8")
    options = Options(
        precisions=precisions, calibration=tmp_path / "data.npy", integer_io=True, report=False
    )
    assert len(export(tmp_path / "m.keras", tmp_path / "out", options).artifacts) == 8


def test_what_quantizes_nothing_says_so(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.warns(UserWarning, match="nothing in it is an integer"):
        artifact = to_tflite(model, tmp_path / "m.tflite", precision="dynamic_int8")
    assert "use float32" in artifact.notes[-1]


def test_few_examples_warn_in_python(tmp_path):
    with pytest.warns(UserWarning, match="2 examples, 1 of them distinct"):
        to_tflite(classifier(), tmp_path / "m.tflite", precision="int8", calibration=IMAGES[[0, 0]])
