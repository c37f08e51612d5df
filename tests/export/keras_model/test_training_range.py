"""Calibration data against what the batch norms of a model saw in training."""

import keras
import numpy as np
import pytest
from keras import layers

from export.base.errors import InputError
from export.keras_model.training_range import check_range
from fleras import BatchNormalization, recalibrate
from fold import fold_batch_norms
from fold.origins import origin_of

RNG = np.random.default_rng(0)
DATA = RNG.uniform(0, 1, (64, 8, 8, 3)).astype(np.float32)


def network(norm, nested=False):
    image = keras.Input((8, 8, 3), name="image")
    body = layers.Conv2D(8, 3)(image)
    body = layers.ReLU()(norm(momentum=0.9)(body))
    body = norm(momentum=0.9)(layers.Conv2D(8, 3)(body))
    model = keras.Model(image, layers.GlobalAveragePooling2D()(body))
    if nested:
        outer = keras.Input((8, 8, 3), name="image")
        model = keras.Model(outer, model(outer))
    recalibrate(model, DATA, verbose=False)
    return model


MODELS = [
    (layers.BatchNormalization, False),
    (BatchNormalization, False),
    (BatchNormalization, True),
]


@pytest.mark.parametrize(("norm", "nested"), MODELS)
def test_what_it_was_trained_on_passes_and_the_absurd_is_refused(norm, nested):
    model = network(norm, nested)
    assert check_range(model, {"image": DATA}) == ()
    for factor in (255.0, 1e-3):
        with pytest.raises(InputError, match="not what the model was trained on: layer 'batch_nor"):
            check_range(model, {"image": DATA * factor})
    with pytest.raises(InputError, match=r"every number .* is zero"):
        check_range(model, {"image": DATA * 0})


def test_the_doubtful_is_warned_of_with_figures():
    (text,) = check_range(network(BatchNormalization), {"image": DATA * 5})
    assert "sees 5 times the spread" in text


def test_statistics_that_no_training_touched_say_nothing():
    image = keras.Input((8, 8, 3), name="image")
    model = keras.Model(image, layers.BatchNormalization()(image))
    assert check_range(model, {"image": DATA * 255}) == ()


def test_a_folded_model_knows_its_origin_while_that_lives():
    model = network(BatchNormalization)
    folded = fold_batch_norms(model).model
    assert origin_of(folded) is model
    del model
    keras.backend.clear_session()
    import gc

    gc.collect()
    assert isinstance(origin_of(folded), keras.Model)
