from pathlib import Path

from export.base.artifact import Artifact, Port


def test_a_notebook_shows_file_ports_and_operators():
    port = Port("<x>", "x", 0, (None, 8), "float32")
    artifact = Artifact(
        path=Path("net.onnx"), format="onnx", precision="float32", inputs=(port,), outputs=(port,),
        batch=None, opset=18, ir_version=8, size=1234, sha256="ab", operators={"Conv": 2},
    )  # fmt: skip
    page = artifact._repr_html_()
    for text in ("net.onnx", "1.2 kB", "&lt;x&gt; float32[free, 8]", "Conv 2"):
        assert text in page
