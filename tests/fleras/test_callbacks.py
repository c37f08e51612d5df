"""The clipping schedule: the paper's values, resuming, logs, and models loaded from files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fleras import BatchNormalization, RenormClippingSchedule

SHORT = {"start": 2, "rmax_at": 10, "dmax_at": 6}


def network(clipping=None):
    layers = [keras.Input((3,)), keras.layers.Dense(4)]
    layers += [BatchNormalization(renorm_clipping=clipping), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model


def fit(model, callback, epochs=1):
    x, y = np.ones((32, 3)), np.ones((32, 1))
    return model.fit(x, y, batch_size=8, epochs=epochs, callbacks=[callback], verbose=0).history


@pytest.mark.parametrize(
    ("step", "rmax", "dmax"),
    [
        (0, 1, 0),
        (5_000, 1, 0),
        (15_000, 1 + 2 * 10 / 35, 2.5),
        (25_000, 1 + 2 * 20 / 35, 5),
        (40_000, 3, 5),
        (10**6, 3, 5),
    ],
)
def test_values_of_the_paper(step, rmax, dmax):
    values = RenormClippingSchedule().values(step)
    assert values == pytest.approx({"rmax": rmax, "rmin": 1 / rmax, "dmax": dmax})


def test_settings():
    values = RenormClippingSchedule(start=0, rmax=5, rmax_at=10, dmax=2, dmax_at=20).values(5)
    assert values == pytest.approx({"rmax": 3, "rmin": 1 / 3, "dmax": 0.5})


@pytest.mark.parametrize("wrong", [{"rmax": 0.5}, {"dmax": -1}, {"start": 50_000}, {"start": -1}])
def test_wrong_settings_are_shown(wrong):
    (key, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=f"{key}={value}"):
        RenormClippingSchedule(**wrong)


def test_training_sees_the_values_of_its_step():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    assert model.layers[1].renorm_clipping["rmax"] is schedule.clipping["rmax"]
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(float(schedule.clipping["rmax"].numpy()))
    )
    x, y = np.ones((40, 3)), np.ones((40, 1))
    model.fit(x, y, batch_size=8, callbacks=[schedule, watch], verbose=0)
    assert seen == pytest.approx([schedule.values(step)["rmax"] for step in range(5)])


def test_logs_and_resuming():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    first = fit(model, schedule)
    assert first["renorm_rmax"] == pytest.approx([schedule.values(3)["rmax"]])
    later = fit(model, schedule)
    assert later["renorm_dmax"] == pytest.approx([schedule.values(7)["dmax"]])
    assert later["renorm_rmin"] == pytest.approx([1 / schedule.values(7)["rmax"]])


def test_a_new_schedule_resumes_with_a_loaded_model(tmp_path):
    first = RenormClippingSchedule(**SHORT)
    model = network(first.clipping)
    fit(model, first, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second = RenormClippingSchedule(**SHORT)
    history = fit(loaded, second)
    assert history["renorm_rmax"] == pytest.approx([3.0])
    assert loaded.layers[1].renorm_clipping["dmax"] is second.clipping["dmax"]


def test_it_takes_over_after_training_without_it():
    model = network()
    x, y = np.random.default_rng(0).normal(9, 1, (8, 3)), np.ones((8, 1))
    model.fit(x, y, verbose=0)
    schedule = RenormClippingSchedule(start=0, rmax=1, dmax=0)
    before = model.layers[1].moving_mean.numpy()
    model.fit(x, y, callbacks=[schedule], verbose=0)
    y = model.layers[1](keras.ops.convert_to_tensor(x[:, :1].repeat(4, 1)), training=True)
    np.testing.assert_allclose(np.mean(y), np.mean(model.layers[1].beta), atol=1e-5)
    assert not np.array_equal(before, model.layers[1].moving_mean)


def test_mixed_precision_and_several_steps_per_execution():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3))
    model.compile(optimizer, "mse", steps_per_execution=2)
    history = fit(model, schedule, epochs=3)
    assert history["renorm_rmax"][-1] == pytest.approx(3.0)


def test_custom_loops_advance_it():
    schedule = RenormClippingSchedule(**SHORT)
    schedule.advance(6)
    assert float(schedule.clipping["dmax"].numpy()) == pytest.approx(5.0)


class TwoOptimizers(keras.Model):
    """As a GAN: optimizers of its own, and one from `compile` that never steps."""

    def __init__(self, clipping):
        super().__init__()
        self.norm = BatchNormalization(renorm_clipping=clipping)
        self.dense = keras.layers.Dense(1)
        self.own = [keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3)]

    def call(self, x, training=None):
        return self.dense(self.norm(x, training=training))

    def train_step(self, data):
        for optimizer in self.own:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self(data[0], training=True))
            weights = self.dense.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


class Late(keras.Model):
    """Makes its batch norm in `build`, with numbers as clipping."""

    def build(self, shape):
        self.norm = BatchNormalization(momentum=0)
        self.norm.build(shape)
        self.dense = keras.layers.Dense(1)
        self.dense.build(shape)

    def call(self, x, training=None):
        return self.dense(self.norm(x, training=training))


def test_optimizers_that_never_step():
    schedule = RenormClippingSchedule(**SHORT)
    model = TwoOptimizers(schedule.clipping)
    model.compile()
    history = fit(model, schedule, epochs=3)
    assert int(model.optimizer.iterations) == 0
    want = [schedule.values(step)["rmax"] for step in (3, 7, 11)]
    assert history["renorm_rmax"] == pytest.approx(want)


def test_layers_made_in_build_are_driven():
    schedule = RenormClippingSchedule(start=0, rmax=1, dmax=0)
    model = Late()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    fit(model, schedule)
    assert model.norm.renorm_clipping["rmax"] is schedule.clipping["rmax"]


def test_the_kept_train_step_is_traced_anew():
    """Batch norm of constant inputs is beta; without clipping it would be near the inputs."""
    layers = [keras.Input((1,)), BatchNormalization(momentum=1.0), keras.layers.Flatten()]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.0), "mae")
    x, y = np.full((8, 1), 9.0), np.zeros((8, 1))
    loss = model.fit(x, y, verbose=0).history["loss"]
    assert loss[-1] > 8
    schedule = RenormClippingSchedule(start=0, rmax=1, dmax=0)
    loss = model.fit(x, y, callbacks=[schedule], verbose=0).history["loss"]
    assert loss[-1] < 1e-3


@pytest.mark.parametrize("stock", [True, False])
def test_a_schedule_that_drives_nothing_says_so(stock):
    layers = [keras.layers.BatchNormalization()] if stock else []
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=f"drives nothing.* {len(layers)} of Keras"):
        history = fit(model, RenormClippingSchedule(**SHORT))
    assert not any(name.startswith("renorm") for name in history)


def test_layers_with_numbers_beside_driven_ones_are_named():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    encoder = BatchNormalization(renorm_clipping={"rmax": 1.5}, name="encoder")
    model = keras.Sequential([keras.Input((3,)), encoder, *model.layers])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="drives 1 .*'encoder': {'rmax': 1.5}"):
        fit(model, schedule)
    schedule.drive(model)
    fit(model, schedule)
    assert encoder.renorm_clipping["rmax"] is schedule.clipping["rmax"]


def test_compiling_again_goes_on():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    fit(model, schedule, epochs=3)
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    assert fit(model, schedule)["renorm_rmax"] == pytest.approx([3.0])
    whole = keras.Sequential([keras.Input((3,)), *model.layers])
    whole.compile(keras.optimizers.SGD(1e-3), "mse")
    assert fit(whole, schedule)["renorm_rmax"] == pytest.approx([3.0])
    fresh = network(schedule.clipping)
    assert fit(fresh, schedule)["renorm_rmax"] == pytest.approx([schedule.values(3)["rmax"]])


@pytest.mark.parametrize("keep", [False, True])
def test_a_second_phase_with_a_new_schedule(tmp_path, keep):
    first = RenormClippingSchedule(**SHORT)
    model = network(first.clipping)
    fit(model, first, epochs=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.compile(keras.optimizers.SGD(1e-3), "mse")
    second = RenormClippingSchedule(**SHORT, keep=keep)
    if keep:
        history = fit(loaded, second)
        assert history["renorm_rmax"] == pytest.approx([3.0])
        assert history["renorm_rmin"] == pytest.approx([1 / 3])
        assert history["renorm_dmax"] == pytest.approx([5.0])
    else:
        with pytest.warns(UserWarning, match="goes back from .*3.0.*keep=True"):
            history = fit(loaded, second)
        assert history["renorm_rmax"] == pytest.approx([second.values(3)["rmax"]])


def test_gradient_accumulation_counts_training_steps():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    model.compile(keras.optimizers.SGD(1e-3, gradient_accumulation_steps=2), "mse")
    fit(model, schedule)
    assert schedule.step == 4
    again = RenormClippingSchedule(**SHORT)
    again.drive(model)
    fit(model, again)
    assert again.step == 8


def test_the_last_execution_may_be_short():
    schedule = RenormClippingSchedule(**SHORT)
    model = network(schedule.clipping)
    model.compile(keras.optimizers.SGD(1e-3), "mse", steps_per_execution=3)
    fit(model, schedule)
    assert schedule.step == 4 == int(model.optimizer.iterations)


def test_a_backup_restored_later_counts(tmp_path):
    def callbacks(schedule):
        return [schedule, keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)]

    x, y = np.ones((32, 3)), np.ones((32, 1))
    first, second = RenormClippingSchedule(**SHORT), RenormClippingSchedule(**SHORT)
    options = {"batch_size": 8, "verbose": 0}
    network(first.clipping).fit(x, y, epochs=2, callbacks=callbacks(first), **options)
    network(second.clipping).fit(x, y, epochs=3, callbacks=callbacks(second), **options)
    assert second.step == 12


def test_an_uncompiled_model_in_a_loop_of_ones_own():
    schedule = RenormClippingSchedule(**SHORT)
    layers = [keras.Input((3,)), BatchNormalization(renorm_clipping=schedule.clipping)]
    callbacks = keras.callbacks.CallbackList([schedule], model=keras.Sequential(layers))
    callbacks.on_train_begin()
    for batch in range(6):
        callbacks.on_train_batch_begin(batch)
        callbacks.on_train_batch_end(batch)
    assert schedule.step == 6
