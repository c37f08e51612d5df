"""The passes over what the converter made, in the order in which each finds what it needs."""

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes import (
    affine,
    constants,
    duplicates,
    padding,
    reshapes,
    same_padding,
    scales,
)
from export.onnx_format.transposes import flatten as flattening
from export.onnx_format.transposes import sink as transposes


def clean(graph: OnnxGraph) -> None:
    """Rewrites the graph in place, without changing what it computes."""
    constants.fold(graph)
    duplicates.merge(graph)
    reshapes.fix(graph)
    scales.fix(graph)
    transposes.sink(graph)
    flattening.absorb(graph)
    affine.rewrite(graph)
    same_padding.fix(graph)
    padding.protect(graph)
