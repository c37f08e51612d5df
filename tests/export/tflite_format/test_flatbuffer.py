"""Names, metadata and ports of a flatbuffer."""

import json

import pytest
from ai_edge_litert import schema_py_generated as schema

from export import to_tflite
from export.base.errors import ConversionError
from export.formats import open_artifact
from export.tflite_format.flatbuffer import operators, read_ports, sign
from tests.export import zoo


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    to_tflite(zoo.build(zoo.several), path, batch=None)
    return path


def test_ports_are_those_that_the_runtime_sees(path):
    runtime = open_artifact(path)
    for static, seen in zip(read_ports(path), (runtime.inputs, runtime.outputs), strict=True):
        assert sorted(static, key=lambda port: port.index) == list(seen)


def test_operators_are_counted(path):
    assert operators(path.read_bytes())["FULLY_CONNECTED"] == 3


def test_signing_again_replaces_the_signature_and_adds_metadata(path):
    content = sign(path.read_bytes(), ["a", "b"], ["c", "d", "e"], {"about": b"{}"})
    model = schema.ModelT.InitFromPackedBuf(content)
    assert len(model.signatureDefs) == 1
    entries = {entry.name.decode(): model.buffers[entry.buffer].data for entry in model.metadata}
    assert json.loads(bytes(entries["about"])) == {}


def test_weights_begin_at_multiples_of_16_bytes(path):
    model = schema.Model.GetRootAs(path.read_bytes())
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    tables = [buffer._tab for buffer in buffers if buffer.DataLength()]
    assert {table.Vector(table.Offset(4)) % 16 for table in tables} == {0}


def test_another_number_of_ports_is_refused(path):
    with pytest.raises(ConversionError, match="gave 2 ports for the 1 of the model"):
        sign(path.read_bytes(), ["a"], ["c", "d", "e"], {})
