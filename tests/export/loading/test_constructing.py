"""Nothing in the list of allowed objects does harm when it is built, whatever it is given."""

import os

import pytest

from export.processes.confined import call_confined
from tests.export.loading.constructing import LISTED, construct

KINDS = [kind for kind in LISTED if not kind.endswith("_function")]
LIMIT = float(3 << 30)


def constructed(kinds, examples, seconds):
    home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    given = {"kinds": kinds, "examples": examples, "readable": (f"{home}/keras.json",)}
    return call_confined("constructing", construct, LIMIT, seconds, **given)


def test_a_few_examples_of_each():
    assert not constructed(KINDS, 3, 600)


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", KINDS)
def test_many_examples_of_each(kind):
    assert not constructed([kind], 100, 3600)
