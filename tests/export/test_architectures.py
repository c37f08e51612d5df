"""Whole networks from a saved file to verified files, as a user goes."""

import pytest

from export.options import Options
from export.pipeline import export
from tests.export import architectures, zoo


@pytest.mark.parametrize("maker", architectures.ALL, ids=lambda maker: maker.__name__)
def test_from_keras_to_both_formats(maker, tmp_path):
    zoo.build(maker).save(tmp_path / "model.keras")
    exported = export(tmp_path / "model.keras", tmp_path / "out", Options())
    assert [artifact.format for artifact, _ in exported.artifacts] == ["onnx", "tflite"]
    assert all(comparison for _, comparison in exported.artifacts)
    assert exported.fold.counts["kept"] == 0
    assert not any("float64" in warning for warning in exported.reference.warnings)
