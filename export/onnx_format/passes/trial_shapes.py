"""The graph at a few batches: what its shapes are, and what depends on shapes alone."""

from dataclasses import dataclass

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes, subgraphs
from export.onnx_format.passes.constants import evaluate
from export.onnx_format.shapes import SMALL, Shape, infer

BATCHES = (1, 7, 61)


@dataclass(frozen=True)
class Trial:
    """The graph at one batch: every shape, and every value that depends on shapes alone."""

    shapes: dict[str, Shape]
    values: dict[str, np.ndarray]


def trials_of(graph: OnnxGraph) -> list[Trial]:
    """One for each of `BATCHES`; none where more than the batch is free, or no shape is read."""
    if not _is_open_in_batch_alone(graph) or "Shape" not in graph.operators():
        return []
    return [_try(graph, batch) for batch in BATCHES]


def _is_open_in_batch_alone(graph: OnnxGraph) -> bool:
    shapes = [value.type.tensor_type.shape.dim for value in graph.model.graph.input]
    return all(dim.HasField("dim_value") for dims in shapes for dim in dims[1:])


def _try(graph: OnnxGraph, batch: int) -> Trial:
    """Infers and computes in turns, until neither finds anything new."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = batch
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    trial = OnnxGraph(model, dict(graph.constants))
    while True:
        shapes = infer(trial)
        found: set[str] = set()
        for node in trial.nodes:
            if (value := _value(trial, node, shapes)) is not None:
                trial.constants[node.output[0]] = value
                found.add(node.output[0])
        if not found:
            made = trial.constants.keys() - graph.constants.keys()
            return Trial(shapes, {name: trial.constants[name] for name in made})
        trial.replace_nodes([node for node in trial.nodes if node.output[0] not in found])


def _value(trial: OnnxGraph, node: onnx.NodeProto, shapes: dict[str, Shape]) -> np.ndarray | None:
    """What the node makes, where that is small and depends on shapes and constants alone."""
    if node.op_type == "Shape":
        shape = shapes.get(node.input[0], (None,))
        known = attributes(node)
        part = shape[known.get("start", 0) : known.get("end", len(shape))]
        return None if None in part else np.array(part, np.int64)
    given = [trial.constants.get(name) for name in node.input if name]
    if len(node.output) != 1 or any(True for _ in subgraphs(node)) or not given:
        return None
    if any(value is None or value.size > SMALL for value in given):
        return None
    (result,) = evaluate(trial, node)
    return result if result.size <= SMALL else None
