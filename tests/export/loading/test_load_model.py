import json
import resource
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from export.base.errors import InputError
from export.loading import confined_opening
from export.loading import load_model as module
from export.loading.load_model import load_model
from tests.export.archives import (
    generator,
    members,
    mutate,
    with_config,
    with_weights,
    write,
)
from tests.export.loading import hostile


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_an_honest_model_is_loaded(source):
    original = keras.models.load_model(source)
    loaded = load_model(source)
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


def test_leave_for_one_layer_is_no_leave_for_another(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    with pytest.raises(InputError, match="is a Lambda"):
        load_model(path, ["keras.layers:TFSMLayer"])
    before = dict(vars(keras.layers.Lambda))
    assert load_model(path, ["keras.layers:Lambda"]).built
    assert dict(vars(keras.layers.Lambda)) == before
    with pytest.raises(ValueError, match="afe"):
        keras.models.load_model(path)


def test_keras_own_safe_mode_is_a_second_lock(tmp_path, monkeypatch):
    """What the list let pass by mistake is still not run."""
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    monkeypatch.setattr(module, "check_config", lambda *args: None)
    for specs in ((), ("keras.layers:TFSMLayer",)):
        with pytest.raises(InputError, match="can't load"):
            load_model(path, specs)


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


def test_weights_are_checked_before_keras_reads_them(source, tmp_path):
    def external(file):
        file["stolen"] = h5py.ExternalLink("/etc/passwd", "/")

    refused(with_weights(source, tmp_path / "links.keras", external), "is not from Keras")


def test_half_precision_weights_are_loaded(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="bfloat16")]).save(
        tmp_path / "model.keras"
    )
    assert load_model(tmp_path / "model.keras").get_weights()[0].dtype.name == "bfloat16"


def vocabulary(tmp_path):
    lookup = keras.layers.IntegerLookup(vocabulary=[3, 5, 8])
    model = keras.Sequential([keras.Input((2,), dtype="int64"), lookup])
    model.save(tmp_path / "lookup.keras")
    return tmp_path / "lookup.keras"


@pytest.mark.parametrize("memory", [True, False], ids=["in memory", "through the disk"])
def test_what_keras_unpacks_is_gone_afterwards(source, tmp_path, monkeypatch, memory):
    """Layers with assets are unpacked; so are all weights where Keras deems the memory short."""
    from keras.src.saving import saving_lib

    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    monkeypatch.setattr(saving_lib, "is_memory_sufficient", lambda model: memory)
    made, make = [], tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *a, **k: made.append(make(*a, **k)) or made[-1])
    for path in (vocabulary(tmp_path), source):
        assert load_model(path).built
    assert made
    assert all(Path(path).is_relative_to(home) for path in made)
    assert not list(home.iterdir())
    assert tempfile.gettempdir() == str(home)


def test_a_child_that_is_ended_while_it_loads_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "sleepy.py").write_text(
        "import keras, pathlib, tempfile, time\n"
        "class Sleepy(keras.layers.Layer):\n"
        "    def __init__(self, seconds=0, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        pathlib.Path(__file__).with_name('where').write_text(tempfile.mkdtemp())\n"
        "        time.sleep(seconds)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import sleepy

    path, home = tmp_path / "model.keras", tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    monkeypatch.setattr(confined_opening, "SECONDS", 1.0)
    model = keras.Sequential([keras.Input((3,)), sleepy.Sleepy()])
    model.save(path)
    shutil.rmtree(home)
    home.mkdir()

    def change(config):
        config["config"]["layers"][-1]["config"]["seconds"] = 60

    with pytest.raises(InputError, match="did not end within 1 s"):
        load_model(with_config(path, path, change), ["sleepy:Sleepy"])
    assert Path((tmp_path / "where").read_text()).is_relative_to(home)
    assert not list(home.iterdir())


def test_a_vocabulary_is_not_read_from_elsewhere(tmp_path):
    def change(config):
        (lookup,) = (c for c in config["config"]["layers"] if c["class_name"] == "IntegerLookup")
        lookup["config"]["vocabulary"] = "/etc/hostname"

    path = with_config(vocabulary(tmp_path), tmp_path / "spy.keras", change)
    refused(path, "outside of the model archive|can't load")


def test_a_child_may_hold_no_more_than_is_stated(source, tmp_path, monkeypatch):
    """3 GB of weights are declared, by 144 inputs and 5 million outputs; this process stays."""

    def change(config):
        config["config"]["layers"][-1]["config"]["units"] = 5_000_000

    monkeypatch.setattr(confined_opening, "MEMORY", 3 << 29)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(with_config(source, tmp_path / "big.keras", change), r"more than 1\.5 GiB")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def attempt(path, directory):
    """Loads; whatever happens must be a model or one line, and nothing may appear on disk."""
    before = sorted(directory.rglob("*"))
    try:
        load_model(path)
    except InputError as error:
        assert "\n" not in str(error)
    assert sorted(directory.rglob("*")) == before


def mutation(source, path, seed):
    """A damaged copy: of the archive, or of one member in a sound archive to get deeper."""
    rng = generator(seed)
    contents = members(source)
    match seed % 5:
        case 0 | 1:
            path.write_bytes(mutate(source.read_bytes(), rng))
        case 2:
            write(path, contents | {"config.json": mutate(contents["config.json"], rng)})
        case _:
            weights = mutate(contents["model.weights.h5"], rng)
            write(path, contents | {"model.weights.h5": weights}, zipfile.ZIP_DEFLATED)
    return path


def test_500_damaged_archives_are_a_model_or_one_line(source, tmp_path):
    for seed in range(500):
        attempt(mutation(source, tmp_path / "damaged.keras", seed), tmp_path)


def test_files_of_ones_own_are_checked_and_opened_at_once(source, tmp_path, monkeypatch):
    monkeypatch.setattr(
        confined_opening, "call_confined", lambda *_, **__: pytest.fail("was confined")
    )
    assert load_model(source, trust=True).built
    keras.models.load_model(source).save(tmp_path / "old.h5")
    assert load_model(tmp_path / "old.h5", trust=True).built

    def change(config):
        config["config"]["layers"][1]["config"]["activation"] = hostile.node(
            "function", "keras.utils", "get_file", "get_file"
        )

    with pytest.raises(InputError, match=r"get_file from keras\.utils"):
        load_model(with_config(source, tmp_path / "trap.keras", change), trust=True)


@pytest.mark.parametrize("opened", [False, True])
def test_only_trust_skips_the_confined_opening(source, tmp_path, monkeypatch, opened):
    from export import Options, export, to_onnx, verify

    calls, call = [], confined_opening.call_confined
    monkeypatch.setattr(
        confined_opening, "call_confined", lambda *a, **k: calls.append(1) or call(*a, **k)
    )
    to_onnx(source, tmp_path / "net.onnx", trust=opened)
    verify(source, tmp_path / "net.onnx", trust=opened)
    export(source, tmp_path / "out", Options(formats=("onnx",), trust=opened))
    assert len(calls) == (0 if opened else 3)


@pytest.mark.parametrize("trust", [False, True])
def test_what_an_old_file_lacks_or_overstates_is_one_line(tmp_path, trust):
    path = tmp_path / "old.h5"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    for change, reason in (
        (lambda config: config["layers"][1]["config"].update(units=10**30), "out-of-range integer"),
        (lambda config: config.pop("layers"), "KeyError"),
    ):
        model.save(path)
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config["config"])
            file.attrs["model_config"] = json.dumps(config)
        with pytest.raises(InputError, match=rf"old\.h5 can't be read .*{reason}.*; ") as caught:
            load_model(path, trust=trust)
        assert "\n" not in str(caught.value)
