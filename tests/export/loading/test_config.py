import json

import keras
import pytest

from export.base.errors import InputError
from export.loading.config import check_config, read_config
from export.loading.custom_objects import Custom, custom_objects
from fleras.fused_renorm import BatchNormalization
from tests.export.archives import members, with_config, write


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        check_config(read_config(path), path.name, Custom())
    assert "\n" not in str(caught.value)


def test_keras_and_this_project_are_trusted(tmp_path):
    x = keras.Input((8, 8, 3))
    y = keras.layers.Conv2D(4, 3, activation=keras.activations.gelu, dtype="mixed_float16")(x)
    y = keras.ops.relu(BatchNormalization()(y)) + 1
    y = keras.layers.Dense(2, kernel_regularizer="l2", kernel_constraint="max_norm")(y)
    keras.Model(x, y).save(tmp_path / "model.keras")
    check_config(read_config(tmp_path / "model.keras"), "model.keras", Custom())


def test_applications_are_trusted(tmp_path):
    keras.applications.MobileNetV3Small(weights=None).save(tmp_path / "model.keras")
    check_config(read_config(tmp_path / "model.keras"), "model.keras", Custom())


@pytest.mark.parametrize("kind", ["Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer"])
def test_layers_that_carry_code_are_refused_by_name(source, tmp_path, kind):
    def change(config):
        config["config"]["layers"][1] |= {"class_name": kind, "config": {"name": "trap"}}

    path = with_config(source, tmp_path / "code.keras", change)
    refused(path, rf"'trap' is a {kind}.*--custom-objects keras.layers:{kind}")
    check_config(read_config(path), path.name, custom_objects([f"keras.layers:{kind}"]))


@pytest.mark.parametrize("module", ["os", "subprocess", "my.layers", "keras.utils", "keras_evil"])
def test_other_modules_are_refused_by_name(source, tmp_path, module):
    def change(config):
        config["config"]["layers"][1] |= {"class_name": "system", "module": module}

    path = with_config(source, tmp_path / "module.keras", change)
    refused(path, f"is a system from {module}")


def test_a_builtin_is_refused_unless_it_is_a_named_function(source, tmp_path):
    def change(config):
        config["config"]["layers"][1] |= {"class_name": "eval", "module": "builtins"}

    refused(with_config(source, tmp_path / "eval.keras", change), "is a eval from builtins")


def test_code_hidden_deep_inside_a_layer_is_found(source, tmp_path):
    def change(config):
        trap = {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "deep"}}
        config["config"]["layers"][1]["config"]["kernel_initializer"]["config"]["x"] = [{"y": trap}]

    refused(with_config(source, tmp_path / "deep.keras", change), "'deep' is a Lambda")


@pytest.mark.parametrize("depth", [500, 100_000])
def test_a_configuration_nested_too_deep(source, tmp_path, depth):
    contents = members(source)
    nested = (
        '{"class_name": "Model", "module": "keras", "config": ' + "[" * depth + "]" * depth + "}"
    )
    path = write(tmp_path / "deep.keras", contents | {"config.json": nested})
    refused(path, "too deep|can't be read")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": 1}', "\xff", '"x"'])
def test_a_configuration_that_is_none(source, tmp_path, content):
    path = write(tmp_path / "none.keras", members(source) | {"config.json": content})
    refused(path, "can't be read|holds no Keras model")


def test_a_huge_configuration_is_not_parsed(source, tmp_path):
    huge = json.dumps({"class_name": "x" * (64 << 20)})
    path = write(tmp_path / "huge.keras", members(source) | {"config.json": huge})
    refused(path, "more than 64 MiB")
