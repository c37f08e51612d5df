"""The Keras layer: weights, modes, masks, saving and loading."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras import BatchNormalization
from sample_models.batch_norms import randomise

FULL = {
    "axis": [1, -1],
    "momentum": 0.9,
    "epsilon": 1e-4,
    "center": False,
    "scale": True,
    "gamma_initializer": "glorot_uniform",
    "moving_mean_initializer": keras.initializers.Constant(0.5),
    "gamma_regularizer": keras.regularizers.L2(0.1),
    "gamma_constraint": "non_neg",
    "renorm_clipping": {"rmax": 3.0, "rmin": 0.25, "dmax": 5.0},
    "renorm_momentum": 0.95,
    "synchronized": True,
    "trainable": False,
    "name": "norm",
}


def network(normalization=BatchNormalization):
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(3, 3),
            normalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
            normalization(),
        ]
    )


def images(count=20):
    return np.random.default_rng(0).normal(1, 2, (count, 6, 6, 2)).astype("float32")


def test_signature():
    parameters = inspect.signature(BatchNormalization).parameters
    names = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert names == [
        *("axis", "momentum", "epsilon", "center", "scale"),
        *("beta_initializer", "gamma_initializer"),
        *("moving_mean_initializer", "moving_variance_initializer"),
        *("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"),
        *("renorm_clipping", "trainable", "name"),
    ]
    assert issubclass(BatchNormalization, tf.keras.layers.Layer)


def test_config_round_trip():
    layer = BatchNormalization(**FULL)
    again = BatchNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for key in ("axis", "momentum", "epsilon", "center", "renorm_momentum", "synchronized"):
        assert getattr(again, key) == FULL[key]
    assert again.gamma_regularizer.l2 == pytest.approx(0.1)
    assert not again.trainable and again.name == "norm"


def test_weights_are_those_of_keras_in_the_same_order():
    ours, theirs = network(), network(keras.layers.BatchNormalization)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    randomise(theirs)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(images()), theirs(images()), atol=2e-5)


def test_weight_shapes_of_several_axes():
    layer = BatchNormalization(axis=[1, 3])
    layer.build((None, 4, 5, 6))
    assert {tuple(w.shape) for w in layer.weights} == {(1, 4, 1, 6)}
    layer = BatchNormalization(axis=[-1])
    layer.build((None, 4, 5, 6))
    assert {tuple(w.shape) for w in layer.weights} == {(6,)}


def test_moving_var_is_moving_variance():
    layer = BatchNormalization()
    layer.build((None, 2))
    assert layer.moving_var is layer.moving_variance


def test_input_shape_argument():
    model = keras.Sequential([BatchNormalization(input_shape=(3,)), keras.layers.Dense(1)])
    assert model.built and model.input_shape == (None, 3)


def test_fit_trains_and_infers():
    model = network()
    model.compile("adam", "mse")
    before = model.get_weights()
    x = images(50)
    model.fit(x, np.zeros((50, 4)), batch_size=16, epochs=2, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and not np.array_equal(old, new)
    trained = model.get_weights()
    loss = model.evaluate(x, np.zeros((50, 4)), verbose=0)
    assert loss == pytest.approx(np.mean(model.predict(x, verbose=0) ** 2), rel=1e-4)
    for old, new in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_frozen_layer_is_in_inference_mode(compiled):
    layer = BatchNormalization(trainable=False)
    layer.build((None, 2, 2, 3))
    layer.set_weights([np.full(3, v) for v in (2, 1, 0.5, 4)])
    x = tf.random.stateless_normal((4, 2, 2, 3), (1, 2))
    before = layer.get_weights()
    call = tf.function(layer) if compiled else layer
    for training in (True, False, None):
        want = 2 * (x - 0.5) / np.sqrt(4.001) + 1
        np.testing.assert_allclose(call(x, training=training), want, atol=1e-5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not layer.trainable_weights


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_saved_models_load_without_custom_objects(suffix, tmp_path):
    model = randomise(network())
    path = tmp_path / f"model{suffix}"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded.layers[1]) is BatchNormalization
    np.testing.assert_array_equal(model(images()), loaded(images()))


def test_variables_as_clipping_are_saved_as_numbers(tmp_path):
    clipping = {"rmax": tf.Variable(2.5), "dmax": keras.Variable(0.5)}
    model = network(lambda: BatchNormalization(renorm_clipping=clipping))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].renorm_clipping == {"rmax": 2.5, "dmax": 0.5}


@pytest.mark.parametrize("renorm", [False, True])
def test_weights_files_of_keras_load(renorm, tmp_path):
    clipping = {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}
    theirs = network(lambda: keras.layers.BatchNormalization(renorm=renorm))
    momentum = {"renorm_momentum": 0.99} if renorm else {}
    ours = network(lambda: BatchNormalization(renorm_clipping=clipping, **momentum))
    randomise(theirs)
    theirs.save_weights(tmp_path / "its.weights.h5")
    ours.load_weights(tmp_path / "its.weights.h5")
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(ours(images()), theirs(images()), atol=2e-5)


def test_summary_and_output_shape():
    lines = []
    network().summary(print_fn=lines.append)
    assert "BatchNormalization" in "\n".join(lines)
    layer = BatchNormalization(axis=[1, 2])
    assert layer.compute_output_shape((None, 3, 4, None)) == (None, 3, 4, None)
    assert BatchNormalization()(keras.Input((3, 5))).shape == (None, 3, 5)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (4, (None, 3), "out of bounds"),
        ([0, -3], (None, 3), "out of bounds"),
        ([1, -1], (None, 3), "twice"),
        ([], (None, 3), "an integer or a list"),
        (-1, (None, None), "no known size"),
    ],
)
def test_wrong_axes(axis, shape, message):
    with pytest.raises(ValueError, match=message):
        BatchNormalization(axis=axis).build(shape)


def test_masks_pass_through_and_count_in_fit():
    def build(normalization):
        layers = [keras.Input((5,)), keras.layers.Embedding(8, 3, mask_zero=True, name="e")]
        layers += [normalization(name="n"), keras.layers.LSTM(2, name="l")]
        return keras.Sequential(layers)

    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [6, 7, 1, 2, 3]])
    clipping = {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}
    ours = build(lambda name: BatchNormalization(name=name, momentum=0, renorm_clipping=clipping))
    embedded = ours.layers[0](tokens)
    np.testing.assert_array_equal(ours.layers[1].compute_mask(embedded, tokens != 0), tokens != 0)
    ours.compile("sgd", "mse")
    ours.optimizer.learning_rate = 0.0
    ours.fit(tokens, np.zeros((3, 2)), verbose=0)
    counted = np.array(embedded)[tokens != 0]
    np.testing.assert_allclose(ours.layers[1].moving_mean, counted.mean(0), atol=1e-6)
    np.testing.assert_allclose(ours.layers[1].moving_variance, counted.var(0), rtol=1e-4)


def test_regularizers_and_constraints():
    layer = BatchNormalization(gamma_regularizer="l2", beta_constraint="non_neg")
    layer.build((None, 2))
    assert float(sum(layer.losses)) == pytest.approx(0.02)
    assert layer.beta.constraint is layer.beta_constraint


def test_cloned_models_share_nothing():
    model = randomise(network())
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(model(images()), clone(images()))
    assert clone.layers[1].moving_mean is not model.layers[1].moving_mean
