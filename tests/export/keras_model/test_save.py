import json
import zipfile

import keras
import numpy as np
import pytest

from export.keras_model.save import save_model
from tests.export.archives import save_net


@pytest.fixture
def model(tmp_path):
    return save_net(tmp_path / "net.keras")


def test_keras_loads_it_and_it_computes_the_same(model, tmp_path):
    save_model(model, tmp_path / "folded.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2)).astype("float32")
    loaded = keras.models.load_model(tmp_path / "folded.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_no_time_is_in_it_and_the_bytes_repeat(model, tmp_path, monkeypatch):
    first, second = tmp_path / "a.keras", tmp_path / "b.keras"
    save_model(model, first)
    monkeypatch.setattr("time.time", lambda: 2e9)
    save_model(model, second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json")).keys() == {"keras_version"}


def test_nothing_else_is_left_beside_it(model, tmp_path, monkeypatch):
    save_model(model, tmp_path / "folded.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folded.keras", "net.keras"]
    monkeypatch.setattr("export.keras_model.save.ZipFile", None)
    with pytest.raises(TypeError):
        save_model(model, tmp_path / "other.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folded.keras", "net.keras"]
