"""Is the file well formed, with only operators that its runtime has? Runs in the child."""

from pathlib import Path

from export.errors import ConversionError
from export.sentence import sentence


def check(path: Path, allow_flex: bool = False) -> list[str]:
    """Raises ConversionError unless the file keeps the rules of its format.

    Returns:
        The operators in it that only TensorFlow's own kernels can run.
    """
    if path.suffix == ".onnx":
        _check_onnx(path)
        return []
    return _check_tflite(path, allow_flex)


def _check_onnx(path: Path) -> None:
    import onnx

    from export.onnx_passes.graph import walk

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


def _check_tflite(path: Path, allow_flex: bool) -> list[str]:
    from export.conversion.tflite_file import operators

    custom = [name for name in operators(path.read_bytes()) if name not in _builtins()]
    foreign = [name for name in custom if not (allow_flex and name.startswith("Flex"))]
    if foreign:
        raise ConversionError(
            f"uses what LiteRT has no operator for ({', '.join(foreign)}); "
            "replace the layer, or give --allow-flex (allow_flex=True)"
        )
    return custom


def _builtins() -> frozenset[str]:
    from export.conversion.tflite_file import BUILTINS

    return frozenset(BUILTINS.values())
