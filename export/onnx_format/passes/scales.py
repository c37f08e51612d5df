"""Scales of Resize that give the size they stand for.

The converter divides the sizes, and ONNX multiplies and rounds down: 5 / 3 * 3 is 4 in float32.
"""

import numpy as np

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.shapes import infer


def fix(graph: OnnxGraph) -> None:
    """Takes the next larger number for every constant scale that rounding made too small."""
    resizes = [n for n in graph.nodes if n.op_type == "Resize" and len(n.input) > 2]
    shapes = infer(graph) if resizes else {}
    for node in resizes:
        scales = graph.constants.get(node.input[2], np.zeros(0))
        shape = shapes.get(node.input[0], ())
        if not scales.size or len(shape) != scales.size:
            continue
        name = f"{node.output[0]}/scales"
        pairs = zip(shape, scales, strict=True)
        graph.constants[name] = np.array([_enough(*pair) for pair in pairs], np.float32)
        node.input[2] = name


def _enough(size: int | None, scale: np.float32) -> np.float32:
    if size is None or abs(size * float(scale) - round(size * float(scale))) > 1e-3:
        return scale
    while size * float(scale) < round(size * float(scale)):
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale
