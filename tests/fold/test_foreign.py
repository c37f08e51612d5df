"""Models as other people build them fold, or come back as they were; none ends in an error."""

import os

import keras
import numpy as np
import pytest

from fold import fold_batch_norms
from fold.report.reasons import REASONS
from tests.fold.foreign_models import foreign_model
from tests.fold.graphs import inputs_for
from tests.unchanged import unchanged

BATCH = 100


def assert_survives(model):
    """The folded model computes the same under the same names, and the given one is as it was."""
    with unchanged(model):
        result = fold_batch_norms(model)
    assert not any(record.code == "not_folded" for record in result.report), str(result.report)
    assert all(record.reason and record.code in REASONS for record in result.report)
    assert result.model.output_names == model.output_names
    assert [t.name for t in result.model.inputs] == [t.name for t in model.inputs]
    pairs = zip(result.model.outputs, model.outputs, strict=True)
    assert all((new.shape, new.dtype) == (old.shape, old.dtype) for new, old in pairs)
    assert not {id(v) for v in model.variables} & {id(v) for v in result.model.variables}
    assert_same_results(model, result.model)
    return result


def assert_same_results(model, new):
    data = inputs_for(model, unknown=8)
    results = [m(data, training=False) for m in (model, new)]
    keras.tree.assert_same_structure(*results)
    for wanted, got in zip(*map(keras.tree.flatten, results), strict=True):
        wanted, got = np.asarray(wanted), np.asarray(got)
        scale = 1 + np.max(np.abs(wanted), initial=0)
        np.testing.assert_allclose(got / scale, wanted / scale, rtol=0, atol=1e-9)


@pytest.mark.parametrize("first", range(0, 200, BATCH))
def test_foreign_models_fold(first):
    check(range(first, first + BATCH))


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, int(os.environ.get("FLERAS_MODELS", "5000")), BATCH))
def test_many_foreign_models_fold(first):
    check(range(first, first + BATCH))


def check(seeds):
    failed = {}
    for seed in seeds:
        keras.backend.clear_session()
        model = foreign_model(seed)
        try:
            assert_survives(model)
        except Exception as error:
            failed[seed] = f"{type(error).__name__}: {str(error)[:300]}"
    assert not failed
