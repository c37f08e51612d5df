"""Clipping values of every kind: read anew at each step, shared, no weights, numbers in configs."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization
from tests.fleras.trial import MODES

KINDS = {
    "number": lambda value: value,
    "numpy": np.float64,
    "tensor": tf.constant,
    "tf.Variable": lambda value: tf.Variable(value, trainable=False),
    "keras.Variable": keras.Variable,
}


def layer_with(clipping, **kwargs):
    layer = BatchNormalization(renorm_clipping=clipping, **kwargs)
    layer.build((None, 2, 2, 3))
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_every_kind_clips(kind, mode):
    make = KINDS[kind]
    layer = layer_with({"rmax": make(0.5), "rmin": make(0.25), "dmax": make(0.125)})
    x = np.random.default_rng(0).normal([5, 0, -5], [0.01, 3, 1], (8, 2, 2, 3)).astype("float32")

    def step(x):
        return layer(x, training=True)

    y = step(x) if mode == "eager" else tf.function(step, jit_compile=MODES[mode])(x)
    stddev = np.sqrt(x.var((0, 1, 2)) + 1e-3)
    r = np.clip(stddev / np.sqrt(1.001), 0.25, 0.5)
    d = np.clip(x.mean((0, 1, 2)) / np.sqrt(1.001), -0.125, 0.125)
    want = (x - x.mean((0, 1, 2))) / stddev * r + d
    np.testing.assert_allclose(y, want, atol=1e-5)


@pytest.mark.parametrize("kind", ["tf.Variable", "keras.Variable"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_steps_of_all_layers_see_a_new_value_at_once(kind, jit_compile):
    limit = KINDS[kind](0.0)
    layers = [layer_with({"rmin": 1, "rmax": 1, "dmax": limit}) for _ in range(2)]
    x = tf.ones((4, 2, 2, 3)) * 100

    @tf.function(jit_compile=jit_compile)
    def step(x):
        return [layer(x, training=True) for layer in layers]

    for value in (0.0, 0.5, 0.25):
        limit.assign(value)
        for y in step(x):
            np.testing.assert_allclose(y, value, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_no_weights_and_numbers_in_the_config(kind):
    make = KINDS[kind]
    layer = layer_with({"rmax": make(3.0), "dmax": make(5.0)})
    assert [w.name for w in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert len(layer.variables) == 4
    config = layer.get_config()["renorm_clipping"]
    assert json.loads(json.dumps(config)) == {"rmax": 3.0, "dmax": 5.0}
    assert all(type(value) is float for value in config.values())


def test_the_config_holds_the_value_of_now():
    limit = tf.Variable(1.0)
    layer = layer_with({"rmax": limit})
    limit.assign(2.0)
    assert layer.get_config()["renorm_clipping"] == {"rmax": 2.0}
    assert layer.renorm_clipping["rmax"] is limit


def test_no_clipping_is_kept_in_the_config():
    assert layer_with(None).get_config()["renorm_clipping"] is None
    assert layer_with({}).get_config()["renorm_clipping"] == {}


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_values_are_not_rounded_by_a_mixed_policy(policy):
    limit = keras.Variable(1 / 3)
    layer = layer_with({"rmin": 1, "rmax": 1, "dmax": limit}, dtype=policy, momentum=1.0)
    layer.beta.assign([1 / 3] * 3)
    y = layer(tf.ones((4, 2, 2, 3)) * -100, training=True)
    np.testing.assert_allclose(y, 0, atol=1e-7)


@pytest.mark.parametrize(
    ("clipping", "received"),
    [
        ({"rmax": 3, "max": 1}, "max"),
        ({"rmax": 1.0, "rmin": 2.0}, "2.0"),
        ({"rmax": tf.Variable(1.0), "rmin": keras.Variable(2.0)}, "2.0"),
        ({"rmax": -1.0}, "-1.0"),
        ({"dmax": -0.5}, "-0.5"),
        ({"dmax": float("nan")}, "nan"),
        ({"rmax": "three"}, "three"),
        ({"rmax": [1.0, 2.0]}, "2.0"),
        ({"rmax": None}, "None"),
    ],
)
def test_wrong_values_are_shown(clipping, received):
    with pytest.raises(ValueError, match=received):
        BatchNormalization(renorm_clipping=clipping)
