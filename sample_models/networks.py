"""Every network of keras.applications that has batch norms, small, with random statistics."""

import keras
import numpy as np

from fold import fold_batch_norms
from fold.keras_graph.at_dtype import at_dtype
from sample_models.batch_norms import randomise

SIZES = {"InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96}
NETWORKS = (
    *(f"ResNet{n}{v}" for v in ("", "V2") for n in (50, 101, 152)),
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *("NASNetMobile", "NASNetLarge", "InceptionV3", "InceptionResNetV2", "Xception"),
    *(f"EfficientNetB{n}" for n in range(8)),
    *(f"EfficientNetV2{n}" for n in ("B0", "B1", "B2", "B3", "S", "M", "L")),
)


def network(name, size=None, signs=False, zeros=False, **settings):
    """By default with the logits of ten classes."""
    size = size or SIZES.get(name, 64)
    settings = {"classes": 10, "classifier_activation": None} | settings
    keras.utils.set_random_seed(3)
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **settings)
    return randomise(model, seed=5, signs=signs, zeros=zeros)


def folded_with_errors(model, batch=8):
    """The fold, and the rms errors of the original and the folded model against float64.

    Inputs are those of an image scaled to unit variance; errors are relative to the rms of the
    reference's spread over examples and classes.
    """
    data = np.random.default_rng(2).normal(size=(batch, *model.inputs[0].shape[1:]))
    single = data.astype("float32")
    result = fold_batch_norms(model)
    truth = np.asarray(at_dtype(model, "float64")(single.astype("float64"), training=False))
    scale = np.std(truth) + 1e-30
    errors = [
        np.sqrt(np.mean((np.asarray(m(single, training=False), np.float64) - truth) ** 2)) / scale
        for m in (model, result.model)
    ]
    return result, *errors
