"""Equalization: the model computes the same, and its channels end with equal ranges."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from keras import layers

from fold import fold_batch_norms
from fold.keras_graph.read import read_graph
from fold.regions import equalize as equalizing
from fold.regions.channel_scales import ChannelScales
from fold.regions.class_ranges import Tensor, choose
from fold.regions.equalize import equalize
from fold.rules import known_types
from fold.search.plan import Plan
from sample_models.batch_norms import randomise
from tests.fold.graphs import assert_same_results, described, inputs_for, models

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
RNG = np.random.default_rng(5)


@settings(max_examples=40, derandomize=True, **QUIET)
@given(models())
def test_random_models_compute_the_same(model):
    model = fold_batch_norms(model).model
    note(described(read_graph(model, known_types())))
    before = [w.copy() for w in model.get_weights()]
    new = equalize(model, [inputs_for(model)])
    assert_same_results(model, new)
    assert new.output_names == model.output_names
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def spread(values):
    """Largest range of a channel over the smallest."""
    peaks = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
    return peaks.max() / peaks.min()


def unequal(activation, body, width=6):
    """A convolution with channels of very unequal range, an activation, then `body`."""
    image = keras.Input((6, 6, 3), dtype="float64")
    x = layers.Conv2D(width, 3, padding="same", name="first", dtype="float64")(image)
    y = activation(x)
    model = keras.Model(image, body(y))
    randomise(model)
    first = model.get_layer("first")
    factors = 10.0 ** np.linspace(-2, 0, width)
    first.set_weights([w * factors for w in first.get_weights()])
    return model


def activation_of(model):
    data = RNG.uniform(-1, 1, (8, 6, 6, 3))
    after = next(node.operation for node in model.get_layer("first")._outbound_nodes)
    return keras.Model(model.inputs, after.output)(data).numpy(), data


def conv(x):
    return layers.Conv2D(4, 3, dtype="float64")(x)


def depthwise(x):
    return layers.DepthwiseConv2D(3, dtype="float64")(x)


def pooled(x):
    x = layers.MaxPooling2D(dtype="float64")(x)
    return layers.Dense(3, dtype="float64")(layers.Flatten(dtype="float64")(x))


ACTIVATIONS = [
    layers.ReLU(dtype="float64"),
    layers.LeakyReLU(dtype="float64"),
    layers.PReLU(shared_axes=[1, 2], alpha_initializer="normal", dtype="float64"),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("body", [conv, depthwise, pooled])
def test_ranges_before_and_behind_an_activation_become_equal(activation, body):
    model = unequal(type(activation).from_config(activation.get_config()), body)
    values, data = activation_of(model)
    new = equalize(model, [data])
    np.testing.assert_allclose(new(data), model(data), rtol=1e-9, atol=1e-12)
    seen = keras.Model(
        new.inputs, [n.operation.output for n in new.get_layer("first")._outbound_nodes]
    )(data)
    assert spread(values) > 20
    least = 20 if body is depthwise else 4
    assert spread(np.asarray(keras.tree.flatten(seen)[0])) < spread(values) / least


@pytest.mark.parametrize(("bound", "moves"), [(1e3, True), (1e-3, False)])
def test_a_bounded_relu_is_passed_only_where_data_stay_far_below_its_bound(bound, moves):
    model = unequal(layers.ReLU(bound, dtype="float64"), depthwise)
    _, data = activation_of(model)
    new = equalize(model, [data])
    np.testing.assert_allclose(new(data), model(data), rtol=1e-9, atol=1e-12)
    kernels = [m.get_layer("first").get_weights()[0] for m in (model, new)]
    assert np.array_equal(*kernels) != moves


def test_what_meets_in_a_sum_is_scaled_alike_and_a_gate_not_at_all():
    image = keras.Input((6, 6, 3))
    x, y = (layers.Conv2D(4, 1, name=name)(image) for name in "xy")
    gate = layers.Conv2D(4, 1, activation="sigmoid", name="gate")(image)
    total = layers.ReLU()(x + y)
    model = keras.Model(image, layers.Conv2D(2, 1)(layers.multiply([total, gate])))
    plan = Plan.of(read_graph(model, known_types()), {})
    scales = ChannelScales(plan)
    made = {call.name: scales.of(call.output) for call in plan.graph.calls}
    first, second, gating = (made[name] for name in ("x", "y", "gate"))
    assert np.array_equal(first, second)
    assert first.all()
    assert not gating.any()
    assert not scales.of(plan.graph.calls[-1].output).any()


def test_inputs_and_outputs_keep_their_scale():
    image = keras.Input((4, 4, 2))
    x = layers.ReLU()(layers.Conv2D(3, 1)(image))
    model = keras.Model(image, [x, layers.Conv2D(3, 1)(x)])
    plan = Plan.of(read_graph(model, known_types()), {})
    assert not any(ChannelScales(plan).of(v).any() for v in (*plan.graph.results,))


def test_without_a_kernel_to_care_for_ranges_become_equal_and_dead_channels_stay():
    tensor = Tensor(np.array([1, 2, 3]), np.array([1.0, 100.0, 0.0]), True)
    scales = choose(4, [tensor], [], np.full(4, np.inf))
    assert scales[0] == 1


@pytest.mark.parametrize("planted", ["sum", "inverse"])
def test_the_law_sees_planted_mistakes(planted, monkeypatch):
    image = keras.Input((6, 6, 3), dtype="float64")
    x, y = (layers.Conv2D(4, 1, dtype="float64")(image) for _ in range(2))
    total = layers.ReLU(dtype="float64")(layers.Add(dtype="float64")([x, y]))
    model = randomise(keras.Model(image, conv(layers.ZeroPadding2D(dtype="float64")(total))))
    if planted == "sum":
        monkeypatch.setattr(ChannelScales, "_join", lambda *args: None)
    else:
        monkeypatch.setattr(equalizing, "absorb_input", _Doubled(equalizing.absorb_input))
    new = equalize(model, [inputs_for(model)])
    with pytest.raises(AssertionError):
        assert_same_results(model, new)


class _Doubled:
    """Input rules that scale twice."""

    def __init__(self, table):
        self.table = table

    def answers(self, call):
        return self.table.answers(call)

    def __call__(self, call, affine, positions):
        return self.table(call, affine.after(affine), positions)
