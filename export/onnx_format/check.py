"""Is the ONNX file well formed, with operators of the standard alone? Runs in the child."""

from pathlib import Path

import onnx

from export.base.error_text import sentence
from export.base.errors import ConversionError
from export.onnx_format.graph import walk


def check(path: Path) -> None:
    """Raises ConversionError unless the file keeps the rules of ONNX."""
    model = onnx.load_model(path, load_external_data=False)
    version = {entry.domain: entry.version for entry in model.opset_import}
    foreign = {
        node.op_type
        for node in walk(model.graph)
        if not onnx.defs.has(node.op_type, version.get(node.domain, 0), node.domain)
    }
    if foreign:
        raise ConversionError(
            f"uses what ONNX has no operator for ({', '.join(sorted(foreign))}); "
            "replace the layer, or export to TFLite"
        )
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(
            f"the ONNX checker refuses the file: {sentence(str(error))}; "
            "choose another opset or format, or replace the layer"
        ) from error
