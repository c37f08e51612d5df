"""The list of what may be built: complete, closed, and nothing on it calls what it is given."""

import inspect
import tomllib
from contextlib import suppress
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.ops.operation import Operation

from export.base.errors import InputError
from export.loading import allowed
from export.loading.allowed import kinds_of
from export.loading.config import check_config
from export.loading.custom_objects import Custom
from tests.export.archives import with_config
from tests.export.loading import hostile, installed_keras
from tests.export.loading.installed_keras import CALLERS, REFUSED

LISTED = tomllib.loads(Path(allowed.__file__).with_suffix(".toml").read_text())
BASE = hostile.base()
X = keras.KerasTensor((2, 3), "float32")
PAYLOADS, POSITIONS = hostile.payloads(), hostile.positions()


def test_the_list_is_that_of_the_installed_keras():
    assert installed_keras.kinds() == LISTED


def test_an_honest_configuration_passes():
    check_config(BASE, "base.keras", Custom())


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_hostile_passes_anywhere(payload, position):
    config = POSITIONS[position](BASE, PAYLOADS[payload])
    with pytest.raises(InputError, match=r"trap\.keras") as caught:
        check_config(config, "trap.keras", Custom())
    assert "\n" not in str(caught.value) and ";" in str(caught.value)


@pytest.mark.parametrize("position", ["argument", "keyword", "build", "unknown", "dtype", "output"])
@pytest.mark.parametrize(
    "pair", [("keras.layers", "Dense"), ("keras.initializers", "Zeros"), ("keras.losses", "Huber")]
)
def test_what_is_allowed_elsewhere_is_refused_where_data_is_expected(position, pair):
    harmless = hostile.node(pair[1], pair[0], {}, None)
    with pytest.raises(InputError, match="where none may be"):
        check_config(POSITIONS[position](BASE, harmless), "trap.keras", Custom())


@pytest.mark.parametrize(
    "position", [key for key in POSITIONS if key not in ("activation", "in the wrapped")]
)
def test_an_activation_function_is_only_an_activation(position):
    relu = hostile.node("function", "builtins", "relu", "relu")
    with pytest.raises(InputError, match="where none may be"):
        check_config(POSITIONS[position](BASE, relu), "trap.keras", Custom())


@pytest.mark.parametrize("position", ["argument", "keyword", "build"])
def test_leave_for_a_custom_object_is_not_for_an_argument(position):
    named = hostile.node("function", "keras.ops", "convert_to_numpy", "convert_to_numpy")
    allowed = Custom(("keras.ops:convert_to_numpy",))
    check_config(POSITIONS["activation"](BASE, named), "trap.keras", allowed)
    with pytest.raises(InputError):
        check_config(POSITIONS[position](BASE, named), "trap.keras", allowed)


def test_only_files_of_users_own_get_the_advice_to_allow_something():
    advised = set()
    for name, payload in PAYLOADS.items():
        with pytest.raises(InputError) as caught:
            check_config(POSITIONS["layer"](BASE, payload), "trap.keras", Custom())
        if "--custom-objects" in str(caught.value):
            advised.add(name)
    assert advised == {
        *(f"class keras.layers:{kind}" for kind in allowed.CODE),
        "class my.layers:Twice",
    }


def operations():
    for module, names in LISTED["operation"].items():
        home = __import__(module, fromlist=["x"])
        yield from (getattr(home, name) for name in names)


@pytest.mark.parametrize("kind", list(operations()), ids=lambda kind: kind.__name__)
def test_no_operation_calls_what_it_is_given(kind):
    assert not calls_what_it_is_given(kind)


def test_operations_that_do_are_found_by_the_same_question():
    kinds = {kind.__name__: kind for kind in installed_keras.subclasses(Operation)}
    found = {name for name in CALLERS if calls_what_it_is_given(kinds[name])}
    assert CALLERS - found == {"Function"}, "a graph; it has no constructor for JSON"


def calls_what_it_is_given(kind):
    called = []

    def canary(*args, **kwargs):
        called.append(args)
        return X

    values = [X, canary, [canary], 1]
    for operation in _made(kind, values, canary):
        count = _count(kind.call)
        for given in (*product(values, repeat=count), *_with_one(canary, count)):
            with suppress(Exception):
                operation(*given)
            if called:
                return True
    return False


def _made(kind, values, canary):
    count = _count(kind.__init__)
    for given in [(), *product(values, repeat=count), *_with_one(canary, count)]:
        with suppress(Exception):
            yield kind(*given)


def _with_one(canary, count):
    """Nothing symbolic: the operation runs at once."""
    for rest in ([*range(count)], [np.ones((2, 3), "float32")] * count):
        yield from ([*rest[:at], canary, *rest[at + 1 :]] for at in range(count))


def _count(function):
    """How many arguments it is tried with."""
    names = inspect.signature(function).parameters.keys() - {"self", "name", "args", "kwargs"}
    return min(len(names), 4)


def test_every_refused_name_is_one_of_keras():
    names = {cls.__name__ for cls in installed_keras.subclasses(Operation)}
    missing = REFUSED - names - set(dir(keras.layers)) - set(dir(keras.quantizers))
    assert missing <= {"AWQDTypePolicy", "GPTQDTypePolicy"}
    assert all(not kinds_of("keras.layers", name, False) for name in REFUSED)


def test_archives_with_hostile_configurations_are_refused(source, tmp_path):
    from export.loading.load_model import load_model

    for payload in PAYLOADS.values():

        def change(config, payload=payload):
            config["config"]["layers"][1]["config"]["activation"] = payload

        with pytest.raises(InputError):
            load_model(with_config(source, tmp_path / "trap.keras", change))
