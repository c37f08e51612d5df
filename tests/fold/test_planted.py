"""The random models find wrong rules: each of these, planted, is caught."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from keras import layers

from fold.affine import Affine
from fold.rules import absorb_output, pull, push
from fold.rules.through import Balance
from tests.fold.graphs import Standardised, assert_folds, models


def unchecked_down(call, given):
    return [Balance((None,), given[0])]


def scale_through_relu6(patch):
    patch.setitem(pull, layers.ReLU, lambda call, a: [(Affine(np.abs(a.scale), 0 * a.shift),)])
    patch.setitem(push, layers.ReLU, unchecked_down)


def shift_through_zero_padding(patch):
    patch.setitem(pull, layers.ZeroPadding2D, pull[layers.AveragePooling2D])
    patch.setitem(push, layers.ZeroPadding2D, push[layers.AveragePooling2D])


def negative_scale_through_max_pooling(patch):
    patch.setitem(pull, layers.MaxPooling2D, pull[layers.AveragePooling2D])
    patch.setitem(push, layers.MaxPooling2D, push[layers.AveragePooling2D])


def shift_on_both_branches_of_a_sum(patch):
    patch.setitem(pull, layers.Add, lambda call, a: [(a,) * len(call.inputs)])


def rule_inherited_by_a_subclass(patch):
    patch.setitem(absorb_output, Standardised, absorb_output[layers.Conv2D])


@pytest.mark.fuzz
@pytest.mark.parametrize(
    "plant",
    [
        scale_through_relu6,
        shift_through_zero_padding,
        negative_scale_through_max_pooling,
        shift_on_both_branches_of_a_sum,
        rule_inherited_by_a_subclass,
    ],
)
def test_a_planted_rule_is_caught(plant, monkeypatch):
    plant(monkeypatch)

    @settings(
        max_examples=3000,
        phases=[Phase.generate],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(models())
    def run(model):
        assert_folds(model)

    own = keras.utils.custom_object_scope({"Standardised": Standardised})
    with own, pytest.raises(AssertionError, match="Not equal to tolerance"):
        run()
