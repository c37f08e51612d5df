"""Exact moving statistics: every batch norm standardizes the data, whatever the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras import BatchNormalization, recalibrate
from sample_models.batch_norms import batch_norms, randomise

L = keras.layers


def images(count=37, seed=0):
    return np.random.default_rng(seed).normal(1, 2, (count, 8, 8, 3)).astype("float32")


def functional():
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3)(inputs)
    x = L.ReLU()(BatchNormalization(name="a")(x))
    left = L.BatchNormalization(name="b")(x)
    right = BatchNormalization(renorm_momentum=0.9, axis=[1, 3], name="c")(L.Conv2D(4, 1)(x))
    x = L.Add()([left, right])
    nested = keras.Sequential([L.Conv2D(5, 3), L.BatchNormalization(renorm=True, name="d")])
    return randomise(keras.Model(inputs, nested(x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = L.BatchNormalization(name="a"), BatchNormalization(name="b")
        self.conv = L.Conv2D(4, 3)

    @tf.function
    def body(self, x, training):
        return self.second(tf.nn.relu(self.conv(x)), training=training)

    def call(self, x, training=None):
        return self.body(self.first(x, training=training), training)


def observed(model, data):
    """What each batch norm sees, by an eager run with its calls watched, in float64."""
    seen = {}
    for layer in batch_norms(model):
        original = layer.call

        def watching(x, training=None, mask=None, layer=layer, original=original):
            seen.setdefault(layer.name, []).append(np.array(x).astype(float))
            return original(x, training=training, mask=mask)

        layer.call = watching
    tf.config.run_functions_eagerly(True)
    model(data, training=False)
    tf.config.run_functions_eagerly(False)
    for layer in batch_norms(model):
        del layer.call
    return seen


def check(model, data, tolerance=1e-4):
    seen = observed(model, data)
    for layer in batch_norms(model):
        axis = layer.axis if isinstance(layer.axis, list) else [layer.axis]
        parts = seen[layer.name]
        rank = parts[0].ndim
        axes = tuple(a for a in range(rank) if a not in [b % rank for b in axis])
        pooled = np.concatenate(parts)
        shape = layer.moving_mean.shape
        mean, variance = pooled.mean(axes).reshape(shape), pooled.var(axes).reshape(shape)
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=tolerance)
        if getattr(layer, "renorm_stddev", None) is not None:
            stddev = np.sqrt(variance + layer.epsilon)
            np.testing.assert_allclose(layer.moving_stddev, stddev, rtol=tolerance)
            np.testing.assert_allclose(layer.renorm_stddev, stddev, rtol=tolerance)
            np.testing.assert_allclose(layer.renorm_mean, mean, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", ["array", "dataset", "pairs", "list", "generator", "PyDataset"])
def test_all_kinds_of_batch_norm_and_data(kind):
    model, x = functional(), images()
    parts = [x[i : i + 8] for i in range(0, len(x), 8)]

    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return len(parts)

        def __getitem__(self, index):
            return parts[index], index

    forms = {
        "array": lambda: (x, None),
        "dataset": lambda: (tf.data.Dataset.from_tensor_slices(x).batch(8), None),
        "pairs": lambda: (tf.data.Dataset.from_tensor_slices((x, x[:, 0])).batch(8), None),
        "list": lambda: (parts, None),
        "generator": lambda: (iter(parts), len(parts)),
        "PyDataset": lambda: (Pairs(), None),
    }
    data, steps = forms[kind]()
    trainable = [w.numpy() for w in model.trainable_weights]
    recalibrate(model, data, steps, verbose=False)
    check(model, x)
    for old, new in zip(trainable, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_steps_limit_the_data():
    model, x = functional(), images()
    recalibrate(model, tf.data.Dataset.from_tensor_slices(x).batch(8).repeat(), 2, verbose=False)
    check(model, x[:16])


def test_subclassed_models_with_functions_inside():
    model, x = Subclassed(), images()
    recalibrate(model, x, verbose=False)
    check(model, x)


def test_shared_layers_pool_their_calls():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = BatchNormalization(name="s")
    model = keras.Model({"a": a, "b": b}, [shared(a), shared(b)])
    rng = np.random.default_rng(0)
    data = {"a": rng.normal(0, 1, (20, 4)), "b": rng.normal(3, 2, (20, 4))}
    recalibrate(model, {k: v.astype("float32") for k, v in data.items()}, verbose=False)
    check(model, data)


def test_masked_positions_do_not_count():
    layers = [keras.Input((5,)), L.Embedding(8, 3, mask_zero=True), BatchNormalization(name="n")]
    model = keras.Sequential(layers)
    tokens = np.random.default_rng(0).integers(0, 8, (40, 5))
    recalibrate(model, tokens, verbose=False)
    counted = np.array(model.layers[0](tokens))[tokens != 0]
    np.testing.assert_allclose(model.layers[1].moving_mean, counted.mean(0), atol=1e-6)
    np.testing.assert_allclose(model.layers[1].moving_variance, counted.var(0), rtol=1e-5)


def test_batches_of_different_sizes():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, BatchNormalization(name="n")(L.Conv2D(2, 3)(inputs)))
    parts = [images()[:, :7], images()[:5]]
    recalibrate(model, parts, verbose=False)
    kernel = [np.array(model.layers[1](p)).reshape(-1, 2) for p in parts]
    pooled = np.concatenate(kernel).astype(float)
    np.testing.assert_allclose(model.layers[2].moving_variance, pooled.var(0), rtol=1e-5)


def test_wide_means_stay_exact():
    model = keras.Sequential([keras.Input((2,)), BatchNormalization()])
    x = np.random.default_rng(0).normal([1e4, -1e4], 1, (1000, 2)).astype("float32")
    recalibrate(model, x, verbose=False)
    np.testing.assert_allclose(model.layers[0].moving_variance, x.astype(float).var(0), rtol=1e-6)


class Interrupted(Exception):
    pass


def failing_list():
    class Failing(list):
        passes = 0

        def __iter__(self):
            self.passes += 1
            if self.passes > 2:
                raise Interrupted
            return super().__iter__()

    return Failing([images(8)])


def spoiled():
    return [images(8), np.full((8, 8, 8, 3), np.nan, "float32")]


@pytest.mark.parametrize(
    ("data", "error"),
    [(failing_list, Interrupted), (spoiled, ValueError), (lambda: [images(4), "x"], Exception)],
)
def test_the_model_is_unchanged_after_a_failure(data, error):
    model = functional()
    before = model.get_weights()
    with pytest.raises(error):
        recalibrate(model, data(), verbose=False)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not any("call" in vars(layer) for layer in batch_norms(model))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "at least one batch"),
        (iter([]), "only once"),
        (tf.data.Dataset.from_tensors(np.zeros((1, 8, 8, 3))).repeat(), "never ends"),
    ],
    ids=["empty", "iterator", "endless"],
)
def test_unusable_data(data, message):
    with pytest.raises(ValueError, match=message):
        recalibrate(functional(), data)


def test_a_batch_norm_after_itself_has_no_exact_statistics():
    inputs, shared = keras.Input((3,)), BatchNormalization(name="loop")
    model = keras.Model(inputs, shared(L.Dense(3)(shared(inputs))))
    with pytest.raises(ValueError, match="loop"):
        recalibrate(model, np.ones((4, 3)), verbose=False)


def test_progress_is_shown(capsys):
    recalibrate(functional(), images(8))
    assert "Recalibrating" in capsys.readouterr().out


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    return keras.Model([a, b], L.BatchNormalization()(L.Concatenate()([a, b])))


def one_input():
    return keras.Sequential([keras.Input((3,)), L.BatchNormalization()])


ROWS = np.random.default_rng(3).normal(1, 2, (24, 3)).astype("float32")
TARGETS = (ROWS + 8).astype("float32")
ONE = {
    "x": lambda: ROWS,
    "(x,)": lambda: (ROWS,),
    "(x, y)": lambda: (ROWS, TARGETS),
    "(x, y, weights)": lambda: (ROWS, TARGETS, np.ones(24)),
    "([x], y)": lambda: ([ROWS], TARGETS),
    "batches (x, y, weights)": lambda: [(ROWS[:7], 0, 0), (ROWS[7:], 0, 0)],
    "generator": lambda: ((ROWS[i::2], TARGETS[i::2], np.ones(12)) for i in range(2)),
    "batches": lambda: [ROWS[:12], ROWS[12:]],
    "dataset": lambda: tf.data.Dataset.from_tensor_slices((ROWS, TARGETS)).batch(5),
}
TWO = {
    "[a, b]": lambda: [ROWS, TARGETS],
    "([a, b], y)": lambda: ([ROWS, TARGETS], ROWS * 0),
    "dict": lambda: {"a": ROWS, "b": TARGETS},
    "(dict, y)": lambda: ({"a": ROWS, "b": TARGETS}, ROWS * 0),
    "batches ((a, b), y)": lambda: [((ROWS, TARGETS), ROWS)],
    "dataset": lambda: tf.data.Dataset.from_tensors(({"a": ROWS, "b": TARGETS}, ROWS)),
}


@pytest.mark.parametrize("form", ONE)
def test_one_input_in_every_form_of_fit(form):
    model = one_input()
    recalibrate(model, ONE[form](), steps=2 if form == "generator" else None, verbose=False)
    norm = batch_norms(model)[0]
    np.testing.assert_allclose(norm.moving_mean, ROWS.mean(0), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, ROWS.var(0), rtol=1e-4)


@pytest.mark.parametrize("form", TWO)
def test_two_inputs_in_every_form_of_fit(form):
    model = two_inputs()
    recalibrate(model, TWO[form](), verbose=False)
    want = np.concatenate([ROWS.mean(0), TARGETS.mean(0)])
    np.testing.assert_allclose(batch_norms(model)[0].moving_mean, want, atol=1e-5)


@pytest.mark.parametrize(
    "wrong", [(ROWS[:12], ROWS[12:18]), ((ROWS, ROWS), ROWS), (ROWS,) * 4, ()], ids=len
)
def test_tuples_that_are_no_inputs_and_targets(wrong):
    with pytest.raises(ValueError, match=r"A tuple is .inputs, targets, sample weights"):
        recalibrate(one_input(), wrong, verbose=False)


@pytest.mark.parametrize("depth", [5, 9])
def test_more_levels_than_parts(depth):
    """Each batch norm's input depends on the statistics of all before it."""
    layers = [keras.Input((3,))]
    for _ in range(depth):
        layers += [L.Dense(6, activation="tanh"), L.BatchNormalization()]
    model = randomise(keras.Sequential(layers), zeros=False)
    recalibrate(model, ROWS, batch_size=10, verbose=False)
    x = ROWS
    for dense, norm in zip(model.layers[::2], model.layers[1::2], strict=True):
        x = np.asarray(dense(x)).astype(float)
        np.testing.assert_allclose(norm.moving_mean, x.mean(0), atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, x.var(0), rtol=1e-4)
        x = np.asarray(norm(x.astype("float32")))
