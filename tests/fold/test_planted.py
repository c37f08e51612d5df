"""The random models find wrong rules: each of these, planted, is caught."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from keras import layers

from fold.affine import Affine
from fold.rules import absorb_output, pull, push
from fold.rules.passing import Balance
from fold.rules.pooling import MAXIMA, PADDINGS
from tests.fold.graphs import assert_folds, models
from tests.fold.single_steps import Standardised


def scale_through_relu6(patch):
    patch.setitem(pull, layers.ReLU, lambda call, a: [(Affine(np.abs(a.scale), 0 * a.shift),)])
    patch.setitem(push, layers.ReLU, lambda call, given: [Balance((None,), given[0])])


def shift_through_zero_padding(patch):
    like_an_average(patch, PADDINGS)


def negative_scale_through_max_pooling(patch):
    like_an_average(patch, MAXIMA)


def like_an_average(patch, types):
    for kind in types:
        patch.setitem(pull, kind, pull[layers.AveragePooling2D])
        patch.setitem(push, kind, push[layers.AveragePooling2D])


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
    examples = []

    @settings(
        max_examples=2000,
        phases=[Phase.generate],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(models())
    def run(model):
        examples.append(model.name)
        assert_folds(model)

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        run()
    print(f"{plant.__name__}: caught after {len(examples)} examples")
