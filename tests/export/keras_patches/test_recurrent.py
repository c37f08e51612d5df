"""Recurrent layers as operators of ONNX: every setting against Keras, in ONNX Runtime."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import layers

from export import to_onnx
from export.formats import open_artifact
from export.keras_model.run import run_model
from export.keras_patches.recurrent import ACTIVATIONS

TIME, WIDTH = 7, 3
FLAGS = (False, True)
OPERATORS = {"GRU", "LSTM", "RNN"}
NEVER = {"Loop", "Scan", "If", "Shape"}
BOUNDED = ("tanh", "sigmoid", "softsign", "hard_sigmoid")
"""Gates of which the others make numbers that grow with every step."""
KINDS = {
    "lstm": layers.LSTM,
    "gru": layers.GRU,
    "gru_before": lambda *args, **given: layers.GRU(*args, reset_after=False, **given),
    "rnn": layers.SimpleRNN,
}


def randomised(model):
    """Biases are zero at first, and so hide where they go."""
    rng = np.random.default_rng(5)
    model.set_weights([0.6 * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def steps():
    """Sequences whose masked (zero) steps come last, first, between, everywhere and nowhere."""
    x = np.random.default_rng(3).normal(size=(6, TIME, WIDTH)).astype("float32")
    x[0, 5:], x[1, :2], x[2, 2:4], x[3], x[4, ::2] = 0, 0, 0, 0, 0
    return x


def check(outputs, inputs, feeds, path, operators=OPERATORS):
    model = randomised(keras.Model(inputs, outputs))
    artifact = to_onnx(model, path / "model.onnx")
    assert not artifact.operators.keys() & NEVER
    assert artifact.operators.keys() & OPERATORS <= operators
    made = open_artifact(artifact.path)(feeds)
    for name, wanted in run_model(model, feeds).items():
        np.testing.assert_allclose(made[name], wanted, rtol=1e-4, atol=1e-5, err_msg=name)
    return artifact


def each_setting(kind):
    """Layers with all combinations of what changes the shape or the order of the result."""
    for backwards, sequences, state in product(FLAGS, FLAGS, FLAGS):
        flags = {"go_backwards": backwards, "return_sequences": sequences, "return_state": state}
        yield KINDS[kind](1 if state else 5, **flags)
    yield KINDS[kind](4, use_bias=False, return_sequences=True)
    yield KINDS[kind](2, unroll=True)


@pytest.mark.parametrize("masked", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_order_state_and_mask(kind, masked, tmp_path):
    x = keras.Input((TIME, WIDTH), name="x")
    states = [keras.Input((4,), name=name) for name in "hc"[: 2 if kind == "lstm" else 1]]
    entry = layers.Masking()(x) if masked else x
    outputs = [layer(entry) for layer in each_setting(kind)]
    for backwards, zero in product(FLAGS, FLAGS if masked else (False,)):
        flags = {"return_sequences": True, "return_state": True, "zero_output_for_mask": zero}
        layer = KINDS[kind](4, go_backwards=backwards, **flags)
        outputs.append(layer(entry, initial_state=states))
    given = {"h": np.ones((6, 4), "float32") / 2, "c": np.ones((6, 4), "float32") / 3}
    feeds = {"x": steps(), **{state.name: given[state.name] for state in states}}
    check(outputs, [x, *states], feeds, tmp_path)


@pytest.mark.parametrize("masked", FLAGS)
def test_both_directions_and_stacked_cells(masked, tmp_path):
    x = keras.Input((TIME, WIDTH), name="x")
    entry = layers.Masking()(x) if masked else x
    outputs = []
    for (kind, mode), sequences in product(
        zip(KINDS, ("concat", "sum", "ave", "mul"), strict=True), FLAGS
    ):
        inner = KINDS[kind](4, return_sequences=sequences, return_state=mode == "sum")
        outputs.append(layers.Bidirectional(inner, merge_mode=mode)(entry))
    outputs.append(layers.Bidirectional(layers.GRU(3), merge_mode=None)(entry))
    for backwards, sequences in product(FLAGS, FLAGS):
        cells = [layers.LSTMCell(3), layers.GRUCell(4), layers.SimpleRNNCell(2)]
        flags = {"go_backwards": backwards, "return_sequences": sequences, "return_state": True}
        outputs.append(layers.RNN(cells, **flags)(entry))
        outputs.append(layers.RNN(layers.GRUCell(2, reset_after=False), **flags)(entry))
    artifact = check(outputs, x, {"x": steps()}, tmp_path)
    assert masked or artifact.operators.get("Slice", 0) <= len(outputs)


def test_activations(tmp_path):
    x = keras.Input((TIME, WIDTH), name="x")
    names = [each.__name__ for each in ACTIVATIONS]
    outputs = [
        layer(3, activation=name, **more)(x)
        for name in names
        for layer, more in (
            (layers.LSTM, {"recurrent_activation": names[0]}),
            (layers.GRU, {"recurrent_activation": "hard_sigmoid"}),
            (layers.GRU, {"recurrent_activation": name if name in BOUNDED else "sigmoid"}),
            (layers.SimpleRNN, {}),
        )
    ]
    check(outputs, x, {"x": steps()[4:]}, tmp_path)


def test_a_free_time(tmp_path):
    x = keras.Input((None, WIDTH), name="x")
    entry = layers.Masking()(x)
    outputs = [
        layers.Bidirectional(layers.GRU(3, return_sequences=True))(x),
        layers.LSTM(3, return_sequences=True, go_backwards=True)(x),
        layers.SimpleRNN(3)(x),
    ]
    check(outputs, x, {"x": steps()[:, :4]}, tmp_path)
    feeds = {"x": steps()[:, :5]}
    model = randomised(keras.Model(x, layers.Bidirectional(layers.LSTM(4))(entry)))
    artifact = to_onnx(model, tmp_path / "masked.onnx")
    assert not artifact.operators.keys() & {"Loop", "Scan", "If"}
    (made,) = open_artifact(artifact.path)(feeds).values()
    (wanted,) = run_model(model, feeds).values()
    np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


def test_what_no_operator_expresses_stays_a_loop(tmp_path):
    x = keras.Input((TIME, WIDTH), name="x")
    model = randomised(keras.Model(x, layers.GRU(3, activation="gelu")(x)))
    artifact = to_onnx(model, tmp_path / "model.onnx")
    assert not artifact.operators.keys() & OPERATORS
