"""The passes over what the converter made, in the order in which each finds what it needs."""

from export.onnx_passes import (
    affine,
    constants,
    duplicates,
    flattening,
    output_padding,
    padding,
    reshapes,
    scales,
    transposes,
)
from export.onnx_passes.graph import OnnxGraph


def clean(graph: OnnxGraph) -> None:
    """Rewrites the graph in place, without changing what it computes."""
    output_padding.fix(graph)
    constants.fold(graph)
    duplicates.merge(graph)
    reshapes.fix(graph)
    scales.fix(graph)
    transposes.sink(graph)
    flattening.absorb(graph)
    affine.rewrite(graph)
    padding.protect(graph)
