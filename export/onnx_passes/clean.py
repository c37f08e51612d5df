"""The passes over what the converter made, in the order in which each finds what it needs."""

from export.onnx_passes import (
    affine,
    constants,
    duplicates,
    flattening,
    padding,
    reshapes,
    transposes,
)
from export.onnx_passes.graph import OnnxGraph


def clean(graph: OnnxGraph) -> None:
    """Rewrites the graph in place, without changing what it computes."""
    constants.fold(graph)
    duplicates.merge(graph)
    reshapes.fix(graph)
    transposes.sink(graph)
    flattening.absorb(graph)
    affine.rewrite(graph)
    padding.protect(graph)
