"""Names of inputs and outputs."""

import keras
from keras import layers

from export.keras_model.ports import inputs, outputs, pack
from tests.export import zoo


def names(ports):
    return [port.name for port in ports]


def test_layers_lend_their_names():
    model = zoo.several()
    assert names(inputs(model)) == ["one", "two"]
    assert names(outputs(model)) == ["cls", "box", "aux"]


def test_keys_of_a_dict_win():
    assert names(outputs(zoo.dictionary())) == ["y", "z"]


def test_names_are_unique_among_inputs_and_outputs():
    entry = keras.Input((4, 3), name="x")
    states = layers.LSTM(2, return_state=True, name="lstm")(entry)
    model = keras.Model(entry, [*states, entry])
    assert names(outputs(model)) == ["lstm", "lstm_1", "lstm_2", "x_1"]


def test_a_loaded_model_has_the_names_of_the_saved_one(tmp_path):
    model = zoo.norms()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert inputs(loaded) == inputs(model) and outputs(loaded) == outputs(model)


def test_values_are_packed_as_the_model_takes_them():
    assert pack(zoo.dictionary(), {"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert pack(zoo.several(), {"two": 2, "one": 1}) == [1, 2]
    model = zoo.sequential()
    assert pack(model, {inputs(model)[0].name: 1}) == 1
