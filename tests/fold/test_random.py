"""Random models: a few hundred in every run, as many as time allows with `make fuzz`."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fold.graphs import assert_folds, models

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}


@settings(max_examples=300, derandomize=True, **QUIET)
@given(models())
def test_random_models_fold(model):
    assert_folds(model)


@pytest.mark.fuzz
@settings(max_examples=int(os.environ.get("FLERAS_EXAMPLES", "20000")), **QUIET)
@given(models())
def test_many_random_models_fold(model):
    assert_folds(model)
