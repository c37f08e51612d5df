"""Everything that must export, in both formats: the converters' own gate compares the numbers."""

import numpy as np
import pytest

from export import to_onnx, to_tflite
from export.formats import open_artifact
from export.keras_model.run import run_model
from tests.export import zoo

FORMATS = {"onnx": to_onnx, "tflite": to_tflite}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("maker", zoo.ALL, ids=lambda maker: maker.__name__)
def test_exports_and_agrees_with_keras(maker, suffix, tmp_path):
    model = zoo.build(maker)
    artifact = FORMATS[suffix](model, tmp_path / f"model.{suffix}", batch=1)
    runtime = open_artifact(artifact.path)
    assert {port.name for port in runtime.inputs} == {port.name for port in artifact.inputs}
    reference = zoo.reference(model)
    feeds = zoo.feeds(reference)
    result = runtime(feeds)
    for name, value in run_model(reference, feeds).items():
        assert result[name].dtype == value.dtype
        np.testing.assert_allclose(result[name], value, rtol=1e-4, atol=1e-5)
