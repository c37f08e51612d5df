"""The passes over what the converter made, in the order in which each finds what it needs."""

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes import (
    affine,
    batch_shapes,
    constants,
    duplicates,
    optional_outputs,
    padding,
    reshapes,
    reversals,
    same_padding,
    scales,
)
from export.onnx_format.transposes import flatten as flattening
from export.onnx_format.transposes import sink as transposes


def clean(graph: OnnxGraph) -> None:
    """Rewrites the graph in place, without changing what it computes."""
    constants.fold_constants(graph)
    duplicates.merge(graph)
    reversals.cancel(graph)
    reshapes.fix(graph)
    batch_shapes.fix(graph)
    scales.fix(graph)
    transposes.sink(graph)
    flattening.absorb(graph)
    affine.rewrite(graph)
    same_padding.fix(graph)
    padding.protect(graph)
    optional_outputs.leave_out(graph)
