"""The clipping schedule: the paper's values, resuming, logs, and models loaded from files."""

import keras
import numpy as np
import pytest

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
