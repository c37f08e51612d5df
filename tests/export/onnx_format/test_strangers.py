"""ONNX files that lead out of their folder, or name what is not there, are refused in one line."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.base.errors import ConversionError
from export.onnx_format.engine import ONNX_RUNTIME


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "files"
    home.mkdir()
    for path in (tmp_path / "secret.bin", home / "own.bin"):
        path.write_bytes(np.arange(4, dtype="float32").tobytes())
    (home / "link.bin").symlink_to(tmp_path / "secret.bin")
    (home / "folder").symlink_to(tmp_path)
    return home


def save(home, location="own.bin", length=16, shape=(4,), domain="", operator="Add", reads="w"):
    weights = TensorProto(name="w", data_type=1, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "length": str(length)}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    ports = [helper.make_tensor_value_info(name, 1, shape) for name in "xy"]
    node = helper.make_node(operator, ["x", reads], ["y"], domain=domain)
    graph = helper.make_graph([node], "graph", ports[:1], ports[1:], [weights])
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("evil", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=9)
    (home / "model.onnx").write_bytes(model.SerializeToString())
    return home / "model.onnx"


def test_weights_beside_the_file_are_read(home):
    runtime = ONNX_RUNTIME.open(save(home))
    assert runtime({"x": np.ones(4, "float32")})["y"].tolist() == [1, 2, 3, 4]
    assert onnx.load(home / "model.onnx").graph.initializer[0].name == "w"


@pytest.mark.parametrize(
    "settings",
    [
        {"location": "../secret.bin"},
        {"location": "link.bin"},
        {"location": "folder/secret.bin"},
        {"location": "/dev/zero"},
        {"location": "absent.bin"},
        {"length": 1 << 40, "shape": (1 << 38,)},
        {"domain": "evil", "operator": "Run"},
        {"reads": "nothing"},
    ],
    ids=str,
)
def test_what_leads_elsewhere_is_refused(home, settings):
    with pytest.raises(ConversionError, match=r"refuses model\.onnx: .*; replace") as caught:
        ONNX_RUNTIME.open(save(home, **settings))
    assert "\n" not in str(caught.value)
