"""The layer that a failure is about is found among prefixes, also inside nested models."""

import errno

import keras
import pytest
from keras import layers

from export.base.errors import ConversionError, InputError, NotEquivalent, OutOfMemory, OutOfTime
from export.processes.worker_process import Failed
from export.tensorflow_graph import locate_error as blame
from export.tensorflow_graph.locate_error import culprit, write_or_blame


def nested():
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(2, name="bad")(layers.Dense(3)(inner_in)))
    entry = keras.Input((4,))
    return keras.Model(entry, layers.Dense(2, name="last")(inner(entry)))


def refusing(name, error):
    """A conversion that fails when the model has a layer of this name."""

    def write(model, path):
        if name in {layer.name for layer in model._flatten_layers()}:
            raise error
        return "done"

    return write


@pytest.mark.parametrize("name", ["bad", "last"])
def test_the_first_layer_with_which_it_fails(name):
    found = culprit(nested(), lambda m: name in {layer.name for layer in m._flatten_layers()})
    assert found.name == name


def test_none_when_no_prefix_fails():
    assert culprit(nested(), lambda model: False) is None


def test_the_error_keeps_its_kind_and_names_the_layer(tmp_path):
    for kind in (ConversionError, NotEquivalent):
        with pytest.raises(kind, match=r"^layer 'bad' \(Dense\): no good$"):
            write_or_blame(nested(), tmp_path / "m", refusing("bad", kind("no good")))


def test_errors_of_others_become_one_line(tmp_path):
    message = r"^layer 'last' \(Dense\): can't be converted: strange; replace it by other layers$"
    with pytest.raises(ConversionError, match=message):
        write_or_blame(nested(), tmp_path / "m", refusing("last", ValueError("strange.")))


def test_wrong_input_is_not_blamed_on_a_layer(tmp_path):
    with pytest.raises(InputError, match=r"^wrong$"):
        write_or_blame(nested(), tmp_path / "m", refusing("last", InputError("wrong")))


def test_what_was_written_is_returned(tmp_path):
    assert write_or_blame(nested(), tmp_path / "m", refusing("none", ValueError())) == "done"


def test_time_that_ran_out_is_not_spent_once_more(tmp_path):
    with pytest.raises(OutOfTime, match=r"^too long$"):
        write_or_blame(nested(), tmp_path / "m", refusing("last", OutOfTime("too long")))


def test_memory_is_blamed_on_a_layer_unless_the_weights_need_it(tmp_path, monkeypatch):
    write = refusing("last", OutOfMemory("too much"))
    with pytest.raises(OutOfMemory, match=r"^layer 'last' \(Dense\): too much$"):
        write_or_blame(nested(), tmp_path / "m", write)
    monkeypatch.setattr(blame, "available", lambda: 100)
    with pytest.raises(OutOfMemory, match=r"^too much$"):
        write_or_blame(nested(), tmp_path / "m", write)


def test_no_layer_is_to_blame_for_what_a_model_without_layers_does_too(tmp_path):
    def write(model, place):
        raise ValueError(f"opset 99 of {len(model.inputs)} is unknown")

    with pytest.raises(ConversionError) as caught:
        write_or_blame(nested(), tmp_path / "m", write)
    assert str(caught.value) == (
        "can't be converted: opset 99 of 1 is unknown; "
        "so fails a model without layers: look at the options"
    )
    assert caught.value.layer == ""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        Failed("UnknownError", "/tmp/x/variables; No space left on device [Op:SaveV2]"),
        OSError(errno.EFBIG, "File too large"),
        OSError(errno.EMFILE, "Too many open files"),
        MemoryError(),
    ],
)
def test_what_the_machine_lacks_is_no_fault_of_a_layer(tmp_path, error):
    with pytest.raises(InputError, match=r"^can't be converted on this machine now: "):
        write_or_blame(nested(), tmp_path / "m", refusing("last", error))
