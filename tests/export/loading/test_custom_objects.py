import sys
from types import ModuleType

import keras
import pytest

from export.base.errors import InputError
from export.loading.custom_objects import custom_objects


class Twice:
    pass


@keras.saving.register_keras_serializable("shop")
class Registered(keras.layers.Layer):
    pass


Registered.__module__ = "shop.layers"


def swish(x):
    return x


@pytest.fixture(autouse=True)
def shop(monkeypatch):
    """A module to import from, under a dotted name."""
    module = ModuleType("shop.layers")
    module.Twice, module.swish, module.table = Twice, swish, {"Renamed": Twice}
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.layers", module)


def test_objects_go_by_their_own_name_and_tables_by_their_keys():
    specs = ["shop.layers:Twice", "shop.layers:swish", "shop.layers:table"]
    expected = {"Twice": Twice, "swish": swish, "Renamed": Twice}
    assert custom_objects(specs).objects() == expected
    assert custom_objects(["shop.layers"]).objects() == {}


@pytest.mark.parametrize(
    ("specs", "name", "module", "registered", "allowed"),
    [
        (["shop.layers:Twice"], "Twice", "shop.layers", "", True),
        (["shop.layers:Twice"], "Twice", "shop.layers", "Twice", True),
        (["shop.layers:Twice"], "Thrice", "shop.layers", "", False),
        (["shop.layers:Twice"], "Switch", "keras.src.ops.core", "pack>Twice", False),
        (["shop.layers:Twice"], "Twice", "shop.layers", "fleras>BatchNormalization", False),
        (["shop.layers:table"], "Renamed", "elsewhere", "", True),
        (["shop"], "Registered", "shop.layers", "shop>Registered", True),
        (["shop"], "Registered", "elsewhere", "fleras>BatchNormalization", False),
        (["shop"], "Unregistered", "shop.layers", "", False),
        (["keras.layers:Lambda"], "Lambda", "keras.layers", "", True),
        (["keras.layers:Lambda"], "TFSMLayer", "keras.layers", "", False),
        (["keras.layers:Lambda"], "layers.Lambda", "keras", "", False),
        (["keras_hub.layers:Token"], "Token", "keras_hub.layers", "", True),
        ([], "Twice", "shop.layers", "", False),
    ],
)
def test_only_what_was_named_is_allowed(specs, name, module, registered, allowed, monkeypatch):
    hub = ModuleType("keras_hub.layers")
    hub.Token = type("Other", (), {})
    monkeypatch.setitem(sys.modules, "keras_hub", ModuleType("keras_hub"))
    monkeypatch.setitem(sys.modules, "keras_hub.layers", hub)
    assert custom_objects(specs).allows(name, module, registered, False) is allowed


@pytest.mark.parametrize(("name", "allowed"), [("swish", True), ("Twice", False)])
def test_functions_go_by_their_name(name, allowed):
    assert custom_objects(["shop.layers:swish"]).allows(name, "x", "x", True) is allowed


def test_nothing_is_imported_before_it_is_needed():
    assert custom_objects(["no_such_module:x"]).specs == ("no_such_module:x",)


@pytest.mark.parametrize("spec", ["", ":x", "a:", "a b", "a:b:c", "a;b", "../x:y"])
def test_a_malformed_spec_is_wrong_use(spec):
    with pytest.raises(InputError, match="module:attribute"):
        custom_objects([spec])


@pytest.mark.parametrize("spec", ["no_such_module:x", "json:no_such_name"])
def test_what_can_not_be_imported_is_named(spec):
    with pytest.raises(InputError, match=f"'{spec}' can't be imported"):
        custom_objects([spec]).objects()
