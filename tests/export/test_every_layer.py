"""Every layer of Keras, in both formats: the numbers of the file are those of Keras."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers

from export import to_onnx, to_tflite
from export.base.errors import ConversionError
from sample_models.batch_norms import example_inputs
from tests.export import layer_examples
from tests.export.oracle import assert_computes
from tests.fold import examples
from tests.fold.examples import build

FORMATS = {"onnx": to_onnx, "tflite": to_tflite}
WITHOUT_NUMBERS = {
    "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "FlaxLayer", "HashedCrossing",
    "InputLayer", "JaxLayer", "Lambda", "Layer", "MaxNumBoundingBoxes", "Pipeline", "StringLookup",
    "TFSMLayer", "TextVectorization", "TorchModuleWrapper", "Wrapper",
}  # fmt: skip
"""Abstract, of other frameworks, over text or boxes, or run code that is not a graph."""

MODELS = [build(example, "float32") for example in examples.EXAMPLES + layer_examples.EXAMPLES]


def name(model):
    return model.operations[-1].name


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("model", MODELS, ids=name)
def test_exports_and_agrees(model, suffix, tmp_path):
    batch = {"onnx": None, "tflite": 1}[suffix]
    path = tmp_path / f"model.{suffix}"
    FORMATS[suffix](model, path, batch=batch)
    counted = "category_encoding" in name(model)
    inputs = (
        keras.tree.map_structure(np.abs, example_inputs(model, batch or 2)) if counted else None
    )
    assert_computes(model, path, batch, inputs=inputs)


@pytest.mark.parametrize(("shapes", "maker", "suffix", "message"), layer_examples.REFUSED)
def test_what_can_not_be_is_refused_in_one_line(shapes, maker, suffix, message, tmp_path):
    model = build((shapes, maker), "float32")
    with pytest.raises(ConversionError, match=message) as caught:
        FORMATS[suffix](model, tmp_path / f"model.{suffix}")
    assert "\n" not in str(caught.value)


def test_no_layer_lacks():
    known = {
        kind.__name__
        for kind in vars(layers).values()
        if inspect.isclass(kind) and issubclass(kind, keras.Layer)
    }
    models = MODELS + [build(each[:2], "float32") for each in layer_examples.REFUSED]
    seen = {type(part).__name__ for model in models for part in model._flatten_layers()}
    assert known - WITHOUT_NUMBERS - seen == set()
    assert known >= WITHOUT_NUMBERS
