"""Resizing to any size, where rounding once gave a row too few."""

import keras
import pytest

from export import to_onnx
from tests.export.oracle import assert_computes


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize(("size", "wanted"), [(3, (5, 19)), (6, (10, 33)), (18, (12, 26))])
def test_every_size_is_met(size, wanted, interpolation, precision, tmp_path):
    entry = keras.Input((size, size, 2))
    model = keras.Model(entry, keras.layers.Resizing(*wanted, interpolation)(entry))
    to_onnx(model, tmp_path / "model.onnx", precision=precision)
    assert_computes(model, tmp_path / "model.onnx", precision=precision)
