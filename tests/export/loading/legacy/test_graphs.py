import pytest

from tests.export.loading.legacy import old_graphs
from tests.export.loading.legacy.comparing import FORMATS, assert_same, reload
from tests.export.loading.legacy.old_layers import examples

CASES = [(name, form) for name in old_graphs.MODELS for form in FORMATS if name != "dictionaries"]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_model_computes_the_same(name, form, tmp_path):
    old = old_graphs.make(name)
    assert_same(old, reload(old, tmp_path, form), examples(old))


@pytest.mark.parametrize("form", FORMATS)
def test_inputs_and_outputs_keep_their_keys(form, tmp_path):
    old = old_graphs.make("dictionaries")
    new = reload(old, tmp_path, form)
    given = dict(zip(old.input_names, examples(old), strict=True))
    assert_same(old, new, [given])
    assert set(new(given)) == {"y", "z"}


def test_operations_and_layers_keep_their_names(tmp_path):
    old = old_graphs.make("colliding")
    new = reload(old, tmp_path, "h5")
    names = {operation.name for operation in new.operations}
    assert {"multiply", "add", "softmax"} <= names
    assert {layer.name for layer in old.layers} <= names


def test_slashes_in_names_become_underlines(tmp_path):
    new = reload(old_graphs.make("slashes"), tmp_path, "h5")
    assert [layer.name for layer in new.layers] == ["input", "a_b", "a_b_1", "out_sum"]
