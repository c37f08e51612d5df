"""What a process has set, and a model that is given, are the same after every public function."""

from contextlib import suppress

import keras
import numpy as np
import pytest
from keras import layers

from export import ExportError, Options, export, load_model, to_onnx, to_tflite, verify
from fold import fold_batch_norms
from tests.export.archives import with_config
from tests.export.loading import hostile
from tests.unchanged import unchanged


def stateful():
    """States, seeds and statistics that a run would change."""
    x = keras.Input((6, 4), batch_size=2, name="x")
    y = layers.LSTM(3, stateful=True, return_sequences=True)(x)
    y = layers.GRU(3, stateful=True, return_sequences=True, unroll=True)(y)
    y = layers.Dropout(0.2)(layers.GaussianNoise(0.1, seed=3)(y))
    y = layers.BatchNormalization()(layers.Dense(4, activation="relu")(y))
    model = keras.Model(x, y)
    model(np.random.default_rng(0).random((2, 6, 4), "float32"), training=True)
    assert any(np.any(v) for v in model.non_trainable_variables)
    return model


@pytest.fixture(scope="module")
def model():
    return stateful()


@pytest.fixture(scope="module", params=["as usual", "otherwise"])
def home(request, tmp_path_factory, source, model):
    """A folder of files; the second time everything that can be set is set otherwise."""
    home = tmp_path_factory.mktemp("home")
    model.save(home / "model.keras")
    keras.models.load_model(source).save(home / "old.h5")
    (home / "net.keras").write_bytes(source.read_bytes())
    with_config(source, home / "trap.keras", _trap)
    before = [getattr(keras.config, name)() for name in SETTINGS]
    if request.param == "otherwise":
        for name, value in SETTINGS.items():
            getattr(keras.config, f"set_{name}")(value)
    yield home
    for name, value in zip(SETTINGS, before, strict=True):
        getattr(keras.config, f"set_{name}")(value)


SETTINGS = {
    "floatx": "float16",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "dtype_policy": "mixed_bfloat16",
}
FUNCTIONS = {
    "fold": lambda model, home: fold_batch_norms(model),
    "load": lambda model, home: load_model(home / "net.keras"),
    "load one's own": lambda model, home: load_model(home / "model.keras", trust=True),
    "load an old one": lambda model, home: load_model(home / "old.h5", trust=True),
    "refuse": lambda model, home: load_model(home / "trap.keras"),
    "ONNX": lambda model, home: to_onnx(model, home / "model.onnx", batch=2, overwrite=True),
    "TFLite": lambda model, home: to_tflite(model, home / "model.tflite", batch=2, overwrite=True),
    "verify": lambda model, home: verify(model, home / "model.tflite", np.ones((2, 6, 4))),
    "export": lambda model, home: export(
        home / "net.keras", home / "out", Options(formats=("onnx",), overwrite=True, trust=True)
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_changes_nothing(name, model, home):
    with unchanged(model), suppress(ExportError):
        FUNCTIONS[name](model, home)


def test_the_witness_sees_a_change(model):
    for change in (
        lambda: keras.config.set_epsilon(1e-2),
        lambda: keras.layers.Dense(2),
        lambda: model(np.ones((2, 6, 4), "float32"), training=True),
        lambda: np.random.random(),
    ):
        with pytest.raises(AssertionError), unchanged(model):
            change()
    keras.config.set_epsilon(1e-7)


def _trap(config):
    trap = hostile.node("function", "keras.config", "set_floatx", "set_floatx")
    config["config"]["layers"][1]["config"]["activation"] = trap
