import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from export.errors import InputError
from export.loading.archive import load_model
from tests.export.archives import (
    generator,
    members,
    mutate,
    save_net,
    with_config,
    with_weights,
    write,
)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.keras"
    save_net(path)
    return path


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_an_honest_model_is_loaded(honest):
    original = keras.models.load_model(honest)
    loaded = load_model(honest)
    x = np.ones((2, 8, 8, 2), "float32")
    np.testing.assert_array_equal(loaded(x), original(x))


def test_a_model_that_was_never_built(tmp_path):
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Dense(2)]).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "never built; call it once")


def test_a_lambda_layer_is_refused_and_runs_nothing(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1, name="inc")]).save(
        tmp_path / "model.keras"
    )
    refused(tmp_path / "model.keras", "'inc' is a Lambda")
    assert load_model(tmp_path / "model.keras", ["keras.layers:Lambda"]).built


def test_a_custom_layer_is_refused_by_name_until_it_is_allowed(tmp_path, monkeypatch):
    (tmp_path / "my_layers.py").write_text(
        "import keras\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), my_layers.Twice(name="twice")]).save(path)
    refused(path, "'twice' is a Twice from my_layers.*--custom-objects my_layers:Twice")
    for spec in ("my_layers:Twice", "my_layers:__dict__"):
        model = load_model(path, [spec])
        np.testing.assert_array_equal(model(np.ones((1, 3))), [[2, 2, 2]])
    del sys.modules["my_layers"]


def test_a_layer_that_asks_for_all_the_memory_ends_a_child_only(honest, tmp_path):
    def change(config):
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Dense":
                layer["config"]["units"] = 10**9

    refused(with_config(honest, tmp_path / "big.keras", change), "GiB|can't load")


def test_weights_that_lie_in_another_file(honest, tmp_path):
    def external(file):
        file["stolen"] = h5py.ExternalLink("/etc/passwd", "/")

    def soft(file):
        file["soft"] = h5py.SoftLink("/layers")

    def stored_outside(file):
        file.create_dataset("raw", (8,), "u1", external=[("/etc/passwd", 0, 8)])

    for change in (external, soft, stored_outside):
        path = with_weights(honest, tmp_path / "links.keras", change)
        refused(path, "is not from Keras|another file")


def test_a_dataset_that_declares_more_than_the_file_can_hold(honest, tmp_path):
    def bomb(file):
        file.create_dataset("bomb", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")

    refused(with_weights(honest, tmp_path / "bomb.keras", bomb), "more than the file can hold")


def test_weights_that_are_no_hdf5(honest, tmp_path):
    path = write(tmp_path / "noise.keras", members(honest) | {"model.weights.h5": b"noise" * 99})
    refused(path, "damaged weights")


def attempt(path, directory):
    """Loads; whatever happens must be a model or one line, and nothing may appear on disk."""
    before = sorted(directory.rglob("*"))
    try:
        load_model(path)
    except InputError as error:
        assert "\n" not in str(error)
    assert sorted(directory.rglob("*")) == before


def mutation(honest, path, seed):
    """A damaged copy: of the archive, or of one member in a sound archive to get deeper."""
    rng = generator(seed)
    contents = members(honest)
    match seed % 5:
        case 0 | 1:
            path.write_bytes(mutate(honest.read_bytes(), rng))
        case 2:
            write(path, contents | {"config.json": mutate(contents["config.json"], rng)})
        case _:
            weights = mutate(contents["model.weights.h5"], rng)
            write(path, contents | {"model.weights.h5": weights}, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize("seeds", [range(40)], ids=["40"])
def test_damaged_archives_are_a_model_or_one_line(honest, tmp_path, seeds):
    for seed in seeds:
        attempt(mutation(honest, tmp_path / "damaged.keras", seed), tmp_path)


@pytest.mark.fuzz
def test_500_damaged_archives_are_a_model_or_one_line(honest, tmp_path):
    for seed in range(500):
        attempt(mutation(honest, tmp_path / "damaged.keras", seed), tmp_path)
