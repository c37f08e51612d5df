import pytest

from tests.export.loading.legacy import old_layers
from tests.export.loading.legacy.comparing import assert_same, reload


@pytest.mark.parametrize("form", ["h5", "keras"])
@pytest.mark.parametrize("name", old_layers.NAMES)
def test_a_layer_computes_the_same_from_a_file(name, form, tmp_path):
    old = old_layers.make(name)
    assert_same(old, reload(old, tmp_path, form), old_layers.examples(old))


@pytest.mark.fuzz
@pytest.mark.parametrize("name", old_layers.NAMES)
def test_a_layer_computes_the_same_from_a_saved_model(name, tmp_path):
    old = old_layers.make(name)
    assert_same(old, reload(old, tmp_path, "saved_model"), old_layers.examples(old))
