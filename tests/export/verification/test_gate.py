"""A file that is wrong in any way gets no name."""

import numpy as np
import onnx
import pytest

from export import to_onnx, to_tflite
from export.base.errors import ConversionError, NotEquivalent
from export.onnx_format import write
from export.onnx_format.passes import affine
from export.verification import make_reference as make_reference_module
from export.verification.make_reference import make_reference
from tests.export import zoo


@pytest.fixture(scope="module")
def norms():
    return zoo.build(zoo.norms)


def spoiling(factor):
    def spoil(graph):
        largest = max(graph.constants, key=lambda name: graph.constants[name].size)
        graph.constants[largest] = graph.constants[largest] * np.float32(factor)

    return spoil


def test_wrong_numbers_are_refused_and_the_layer_named(norms, tmp_path, monkeypatch):
    monkeypatch.setattr(affine, "rewrite", spoiling(1.01))
    with pytest.raises(NotEquivalent, match=r"layer 'conv2d\w*' \(Conv2D\): the file does not"):
        to_onnx(norms, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_not_finite_is_refused(norms, tmp_path, monkeypatch):
    monkeypatch.setattr(affine, "rewrite", spoiling(np.nan))
    with pytest.raises(ConversionError, match="NaN or infinity"):
        to_onnx(norms, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_names_are_refused(norms, tmp_path, monkeypatch):
    write_graph = write.write

    def misname(graph, path):
        files = write_graph(graph, path)
        model = onnx.load(path)
        for node in model.graph.node:
            node.input[:] = ["other" if n == graph.inputs[0] else n for n in node.input]
        model.graph.input[0].name = "other"
        onnx.save(model, path)
        return files

    monkeypatch.setattr(write, "write", misname)
    with pytest.raises(ConversionError, match=r"\['other'\]|'other'"):
        to_onnx(norms, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("convert", [to_onnx, to_tflite])
def test_a_reference_that_exists_is_taken_and_not_made_again(convert, norms, tmp_path, monkeypatch):
    reference = make_reference(norms)
    monkeypatch.setattr(make_reference_module, "run_model", None)
    convert(norms, tmp_path / f"model.{convert.__name__[3:]}", reference=reference)


def test_numbers_that_the_reference_has_not_are_refused(norms, tmp_path):
    reference = make_reference(zoo.build(zoo.norms, seed=1))
    with pytest.raises(NotEquivalent, match="the file does not"):
        to_onnx(norms, tmp_path / "model.onnx", reference=reference)
    assert not list(tmp_path.iterdir())
