"""Whole models: what goes, what stays and why, and what must never happen."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from fleras.fused_renorm import BatchNormalization as FusedRenorm
from fold import FoldError, fold_batch_norms
from fold.report.reasons import REASONS
from sample_models.batch_norms import batch_norms, randomise
from tests.fold.checking import codes, folded, layer_types, statuses

NORMS = {
    "keras": layers.BatchNormalization,
    "renorm": lambda: layers.BatchNormalization(renorm=True),
    "fused": FusedRenorm,
    "bare": lambda: layers.BatchNormalization(center=False, scale=False),
}


def functional(*steps, shape=(8, 8, 4)):
    inputs = x = keras.Input(shape)
    for step in steps:
        x = step(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
@pytest.mark.parametrize("side", ["before", "after"])
def test_next_to_a_convolution_nothing_is_left(norm, side):
    steps = [layers.Conv2D(6, 3, activation="relu" if side == "after" else None)]
    steps += [norm(), layers.ReLU() if side == "before" else layers.Conv2D(5, 3, use_bias=False)]
    result = folded(functional(*steps))
    assert statuses(result) == ["folded"]
    assert not batch_norms(result.model)


def test_a_sequential_model():
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)]
    )
    assert statuses(folded(model)) == ["folded"]


def test_in_front_of_same_padding_only_the_shift_stays():
    result = folded(
        functional(
            layers.Conv2D(6, 3, activation="sigmoid"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(5, 3, padding="same"),
        )
    )
    (record,) = result.report
    assert (record.status, record.code) == ("reduced", "shift_left")
    assert isinstance(result.model.get_layer("norm"), layers.Rescaling)


def pre_activation(blocks=3, signs=False):
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3)(inputs)
    for _ in range(blocks):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 1)(y)))
        x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)])
    x = layers.ReLU()(layers.BatchNormalization()(x))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    return randomise(keras.Model(inputs, outputs), signs=signs, zeros=signs)


def test_pre_activation_residual_stream_keeps_no_operation():
    model = pre_activation()
    result = folded(model, random=False)
    assert set(statuses(result)) == {"folded"}
    assert layer_types(result.model).count("Add") == layer_types(model).count("Add")
    assert len(result.model.operations) == len(model.operations) - len(batch_norms(model))


def test_pre_activation_with_negative_gamma_keeps_only_a_sign():
    result = folded(pre_activation(signs=True), random=False)
    assert set(statuses(result)) == {"folded", "reduced"}
    left = [x for x in result.model.layers if isinstance(x, layers.Rescaling)]
    assert all(set(np.unique(x.scale)) <= {-1.0, 1.0} and x.offset == 0 for x in left)


def test_dense_block_keeps_at_most_a_shift_each_and_loses_one_whole():
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(6, 3)(inputs)
    for _ in range(4):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.Conv2D(3, 1)(y)])
    x = layers.Conv2D(4, 1)(layers.ReLU()(layers.BatchNormalization()(x)))
    model = randomise(keras.Model(inputs, x), signs=False, zeros=False)
    result = folded(model, random=False)
    assert statuses(result).count("folded") == 1
    assert codes(result).count("shift_left") == 4


def test_called_with_training_true_it_stays_and_is_named():
    inputs = keras.Input((8, 8, 4))
    norm = layers.BatchNormalization(name="noisy")
    model = keras.Model(inputs, norm(layers.Conv2D(4, 3)(inputs), training=True))
    result = folded(model)
    assert codes(result) == ["training_true"]
    (call,) = [op for op in result.model.operations if op.name == "noisy"]
    assert call._inbound_nodes[0].arguments.kwargs["training"] is True


def test_keep_leaves_the_named_ones_alone():
    model = functional(
        layers.Conv2D(4, 3), layers.BatchNormalization(name="block5_a"),
        layers.Conv2D(4, 3), layers.BatchNormalization(name="block6_a"),
    )  # fmt: skip
    result = folded(model, keep=("block5_*",))
    assert [(r.name, r.code) for r in result.report] == [
        ("block5_a", "asked_to_keep"),
        ("block6_a", "hoisted"),
    ]
    kept, old = result.model.get_layer("block5_a"), model.get_layer("block5_a")
    assert all(
        np.array_equal(a, b) for a, b in zip(kept.get_weights(), old.get_weights(), strict=True)
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_broken_statistics_are_an_error_that_names_layer_and_channels(bad):
    model = functional(layers.Conv2D(4, 3), layers.BatchNormalization(name="broken"))
    model.get_layer("broken").moving_variance.assign([1, bad, 1, bad])
    with pytest.raises(FoldError, match=r"'broken'.*moving_variance in 2 of 4 channels"):
        fold_batch_norms(model)


def test_a_model_never_built_is_an_error():
    with pytest.raises(FoldError, match="never built"):
        fold_batch_norms(keras.Sequential([layers.Dense(3), layers.BatchNormalization()]))


def test_a_subclass_is_not_folded_as_its_parent():
    class Standardised(layers.Conv2D):
        def call(self, inputs):
            return super().call(inputs) * ops.mean(self.kernel)

    model = functional(Standardised(4, 3), layers.BatchNormalization(), layers.ReLU())
    with keras.utils.custom_object_scope({"Standardised": Standardised}):
        assert codes(folded(model)) == ["subclass"]


def test_a_layer_with_lora_weights_is_not_changed():
    model = functional(layers.Dense(4, name="dense"), layers.BatchNormalization(), layers.ReLU())
    model.get_layer("dense").enable_lora(2)
    randomise(model)
    result = fold_batch_norms(model)
    assert codes(result) == ["quantized"]
    data = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_allclose(result.model(data), model(data), rtol=1e-5, atol=1e-5)


def test_a_quantised_layer_is_not_changed():
    model = functional(layers.Dense(4, name="dense"), layers.BatchNormalization(), layers.ReLU())
    randomise(model)
    model.get_layer("dense").quantize("int8")
    result = fold_batch_norms(model)
    assert codes(result) == ["quantized"]
    data = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_allclose(result.model(data), model(data), rtol=1e-5, atol=1e-5)


def test_a_layer_shared_with_another_use_is_not_changed():
    inputs = keras.Input((6,))
    dense = layers.Dense(6)
    x = layers.BatchNormalization()(dense(inputs))
    model = keras.Model(inputs, [layers.ReLU()(x), dense(layers.ReLU(6)(inputs))])
    assert codes(folded(model)) == ["shared_layer"]


def test_a_norm_read_by_several_goes_into_all_of_them():
    inputs = keras.Input((8, 8, 4))
    x = layers.BatchNormalization()(inputs)
    model = keras.Model(inputs, [layers.Conv2D(3, 1)(x), layers.Flatten()(layers.Conv2D(3, 3)(x))])
    (record,) = folded(model).report
    assert record.code == "sunk"
    assert len(record.into) == 2


@pytest.mark.parametrize("gamma", [0.0, 1e-30, -1e-30, 1e-4, -3.0])
def test_any_gamma_gives_right_results(gamma):
    model = randomise(pre_activation(), signs=False, zeros=False)
    for norm in batch_norms(model)[::2]:
        values = np.asarray(norm.gamma).copy()
        values[0] = gamma
        norm.gamma.assign(values)
    folded(model, random=False)


def test_a_tiny_gamma_is_refused_where_it_would_cost_digits():
    model = pre_activation(blocks=1)
    norm = batch_norms(model)[0]
    norm.gamma.assign([1e-6] + [1.0] * 7)
    record = folded(model, random=False).report[0]
    assert record.status == "reduced"
    assert "gamma near zero" in record.reason


def test_one_call_with_training_true_keeps_the_other_call():
    inputs = keras.Input((8, 8, 4))
    norm, x = layers.BatchNormalization(), layers.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, [norm(x), layers.ReLU()(norm(layers.ReLU()(x), training=True))])
    assert sorted(codes(folded(model))) == ["shared_layer", "training_true"]


def test_nothing_sinks_into_a_layer_that_casts_what_it_reads():
    model = functional(
        layers.Conv2D(4, 3, activation="sigmoid"),
        layers.BatchNormalization(),
        layers.Conv2D(4, 3, dtype="mixed_float16"),
    )
    (record,) = folded(model).report
    assert (record.status, record.into) == ("reduced", ()) or record.status == "kept"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_precisions(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = functional(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU())
    finally:
        keras.config.set_dtype_policy("float32")
    result = folded(model)
    assert statuses(result) == ["folded"]
    assert result.model.outputs[0].dtype == model.outputs[0].dtype


def test_a_single_shift_that_is_left_in_float64_keeps_its_digits():
    inputs = keras.Input((None, 4), dtype="float64")
    norm = layers.BatchNormalization(axis=1, dtype="float64")
    x = layers.ReLU(dtype="float64")(ops.squeeze(norm(ops.expand_dims(inputs, 1)), 1))
    model = keras.Model(inputs, layers.Dense(3, dtype="float64")(x))
    data = np.random.default_rng(0).normal(size=(2, 5, 4))
    randomise(model, signs=False, zeros=False)
    result = folded(model, data, random=False)
    assert codes(result) == ["shift_left"]
    wanted, got = (np.asarray(m(data)) for m in (model, result.model))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-13)


def test_a_norm_in_another_precision_than_its_neighbour_stays():
    model = functional(
        layers.Conv2D(4, 3, dtype="mixed_float16"), layers.BatchNormalization(dtype="float32")
    )
    assert statuses(folded(model)) == ["kept"]


def test_a_mask_passes():
    inputs = keras.Input((7, 4))
    x = layers.BatchNormalization()(layers.Masking()(inputs))
    model = keras.Model(inputs, layers.LSTM(3)(x))
    data = np.random.default_rng(0).normal(size=(3, 7, 4)).astype("float32")
    data[0, 4:] = 0
    assert statuses(folded(model, data)) == ["folded"]


def embedded():
    tokens = keras.Input((5,), dtype="int32")
    data = np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0], [2, 2, 5, 1, 3]], "int32")
    return tokens, layers.Embedding(6, 4, mask_zero=True)(tokens), data


def test_no_scale_goes_into_the_factors_of_a_masked_product():
    tokens, x, data = embedded()
    product = layers.Multiply()([x, layers.Conv1D(4, 3, padding="same")(x)])
    model = keras.Model(tokens, layers.ReLU()(layers.BatchNormalization(center=False)(product)))
    folded(model, data)


def test_an_operation_that_ends_a_mask_is_not_removed():
    tokens, x, data = embedded()
    model = keras.Model(tokens, layers.LSTM(3)(layers.BatchNormalization()(x) * 2.0))
    assert statuses(folded(model, data)) == ["folded"]


def test_names_structure_and_order_of_inputs_and_outputs():
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    x = layers.BatchNormalization(name="sum")(layers.Dense(3)(a))
    y = layers.Dense(2, name="plain")(layers.Concatenate()([x, b]))
    model = keras.Model({"l": a, "r": b}, {"first": y, "second": x})
    result = folded(model)
    assert statuses(result) == ["folded"]
    assert [t.name for t in result.model.inputs] == [t.name for t in model.inputs]
    assert result.model.output_names == model.output_names
    assert list(result.model.output) == ["first", "second"]
    assert list(result.model.input) == ["l", "r"]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Rescaling(1 / 255, -0.5),
        layers.Normalization(mean=[1, 2, 3, 4], variance=[4, 1, 2, 3]),
    ],
    ids=["rescaling", "normalization"],
)
def test_preprocessing_goes_into_the_first_layer(layer):
    model = functional(layer, layers.Conv2D(4, 3), layers.ReLU())
    assert type(layer).__name__ not in layer_types(folded(model).model)


def test_preprocessing_before_same_padding_keeps_only_a_shift():
    model = functional(layers.Rescaling(2.0, -0.5), layers.Conv2D(4, 3, padding="same"))
    result = folded(model)
    (left,) = [x for x in result.model.layers if isinstance(x, layers.Rescaling)]
    assert (left.scale, left.offset) == (1.0, -0.25)
    assert [r.code for r in result.report.preprocessing] == ["shift_left"]


def test_untrained_statistics_are_noted():
    model = functional(layers.Conv2D(4, 3), layers.BatchNormalization(name="fresh"))
    (note,) = fold_batch_norms(model).report.notes
    assert "'fresh'" in note


def test_the_report_is_a_table_and_plain_data():
    report = folded(pre_activation(signs=True), random=False).report
    assert "batch_normalization" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["counts"] == report.counts
    assert all(record.code in REASONS for record in report)


def test_the_result_loads_where_this_project_is_not(tmp_path):
    model = functional(
        layers.Conv2D(4, 3), FusedRenorm(), layers.ReLU(6), FusedRenorm(), layers.ReLU(6)
    )
    result = folded(model)
    data = np.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    np.save(tmp_path / "x.npy", data)
    result.model.save(tmp_path / "folded.keras")
    code = (
        "import sys, keras, numpy as np; m = keras.models.load_model('folded.keras');"
        "np.save('y.npy', m.predict(np.load('x.npy'), verbose=0));"
        "assert not {'fleras', 'fold'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    wanted = model.predict(data, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), wanted, rtol=1e-4, atol=1e-5)


def test_the_record_names_the_nearest_obstacle_on_either_side():
    norm = layers.BatchNormalization()
    result = folded(functional(layers.Activation("sigmoid", name="gate"), norm, layers.ReLU(6)))
    (record,) = result.report
    assert (record.status, record.code) == ("kept", "activation_between")
    assert "'gate'" in record.reason and "'re_lu" in record.reason


def test_a_shared_layer_of_this_project_that_stays_is_one_layer_and_keeps_the_output_name():
    left, right = keras.Input((4,)), keras.Input((4,))
    norm = FusedRenorm(name="last")
    results = [norm(keras.activations.tanh(x)) for x in (left, right)]
    result = folded(keras.Model([left, right], results))
    assert statuses(result) == ["kept"] * 2
    assert result.model.output_names == ["last", "last"]
    assert layer_types(result.model).count("BatchNormalization") == 1


def test_an_output_keeps_its_name_when_a_nested_layer_has_the_same():
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="dense")], name="inner")
    x = layers.BatchNormalization()(inner(inputs))
    result = folded(keras.Model(inputs, layers.Dense(2, name="dense")(layers.ReLU()(x))))
    assert result.model.output_names == ["dense"]


def test_weights_that_would_overflow_stay():
    keras.config.set_dtype_policy("float16")
    try:
        inputs = keras.Input((4,), dtype="float16")
        dense, norm = layers.Dense(4), layers.BatchNormalization()
        model = keras.Model(inputs, layers.Dense(2)(layers.Activation("tanh")(norm(dense(inputs)))))
    finally:
        keras.config.set_dtype_policy("float32")
    dense.kernel.assign(np.full((4, 4), 6e4))
    norm.moving_variance.assign(np.full(4, 1e-3))
    norm.gamma.assign(np.full(4, 2.0))
    result = fold_batch_norms(model)
    assert statuses(result) == ["kept"]
    assert "too large for float16" in result.report[0].reason
    assert all(np.isfinite(w.astype("float32")).all() for w in result.model.get_weights())


def test_a_shared_norm_whose_calls_differ_after_a_fold():
    inputs = keras.Input((2,))
    first, shared = layers.BatchNormalization(), layers.BatchNormalization()
    results = [shared(first(inputs)), shared(layers.Activation("tanh")(inputs))]
    model = randomise(keras.Model(inputs, results))
    first.gamma.assign([1.0, 0.0])
    folded(model, random=False)
