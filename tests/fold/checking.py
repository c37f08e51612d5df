"""What every fold must satisfy, whatever the model."""

import keras
import numpy as np

from fold import fold_batch_norms
from fold.keras_graph.at_dtype import at_dtype
from sample_models.batch_norms import example_inputs, randomise

FALLBACKS = {"not_folded", "not_remade"}
"""What the report says where a fault of ours would be caught and the layer left alone."""


def assert_no_fallback(report):
    """No part of the model was left as it was because an edit failed."""
    assert not FALLBACKS & {record.code for record in report}, str(report)
    assert not any("not folded" in note for note in report.notes), report.notes


def flat(outputs):
    return [np.asarray(x, np.float64) for x in keras.tree.flatten(outputs)]


def folded(model, data=None, random=True, **settings):
    """Folds and checks: error against float64 near the original's, names and weights as before."""
    if random:
        randomise(model)
    data = example_inputs(model, batch=3) if data is None else data
    before = model.get_weights()
    result = fold_batch_norms(model, **settings)
    assert_no_fallback(result.report)
    exact = keras.tree.map_structure(
        lambda a: a.astype("float64") if a.dtype.kind == "f" else a, data
    )
    truth = flat(at_dtype(model, "float64")(exact, training=False))
    own = flat(model(data, training=False))
    new = flat(result.model(data, training=False))
    for t, a, b in zip(truth, own, new, strict=True):
        scale = np.max(np.abs(t))
        assert np.max(np.abs(b - t)) <= 4 * np.max(np.abs(a - t)) + 1e-6 * scale
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    return result


def layer_types(model):
    return [type(layer).__name__ for layer in model.operations]


def codes(result):
    return [record.code for record in result.report]


def statuses(result):
    return [record.status for record in result.report]
