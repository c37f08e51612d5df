"""Shapes that the file would compute while it runs, though only the batch is free: written down.

What depends on shapes alone is computed for a few batches. An element that is the same for all of
them is a constant; one that grows with the batch is 0 or -1 in the target of a Reshape.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes, subgraphs
from export.onnx_format.passes.constants import drop_unread, evaluate
from export.onnx_format.shapes import SMALL, Shape, infer

BATCHES = (1, 7, 61)


@dataclass(frozen=True)
class Trial:
    """The graph at one batch: every shape, and every value that depends on shapes alone."""

    shapes: dict[str, Shape]
    values: dict[str, np.ndarray]


def fix(graph: OnnxGraph) -> None:
    """Gives Reshapes constant targets and takes out Expands that change nothing."""
    if not _is_open_in_batch_alone(graph) or "Shape" not in graph.operators():
        return
    trials = [_try(graph, batch) for batch in BATCHES]
    outputs = set(graph.outputs)
    for name in set.intersection(*(set(trial.values) for trial in trials)) - outputs:
        values = [trial.values[name] for trial in trials]
        if all(np.array_equal(values[0], value) for value in values[1:]):
            graph.constants[name] = values[0]
    for node in graph.nodes:
        if node.op_type == "Reshape" and node.input[1] not in graph.constants:
            target = _target(node, trials)
            if target is not None:
                node.input[1] = f"{node.output[0]}/shape"
                graph.constants[node.input[1]] = target
        elif node.op_type == "Expand" and node.output[0] not in outputs and _is_idle(node, trials):
            graph.rename(node.output[0], node.input[0])
    kept = [node for node in graph.nodes if not set(node.output) <= graph.constants.keys()]
    graph.replace_nodes(kept)
    drop_unread(graph)


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


def _target(node: onnx.NodeProto, trials: list[Trial]) -> np.ndarray | None:
    """Constants, 0 for what stays, -1 for at most one that grows; None if that can't say it."""
    data, made = node.input[0], node.output[0]
    before = [trial.shapes.get(data, (None,)) for trial in trials]
    after = [trial.shapes.get(made, (None,)) for trial in trials]
    if any(None in shape or 0 in shape for shape in (*before, *after)):
        return None
    rows = list(zip(*after, strict=True))
    target = [row[0] if len(set(row)) == 1 else -1 for row in rows]
    columns = list(zip(*before, strict=True))
    for at, row in enumerate(rows):
        if target.count(-1) > 1 and target[at] == -1 and at < len(columns):
            target[at] = 0 if columns[at] == row else -1
    return np.array(target, np.int64) if target.count(-1) <= 1 else None


def _is_idle(node: onnx.NodeProto, trials: list[Trial]) -> bool:
    pairs = [(t.shapes.get(node.input[0]), t.shapes.get(node.output[0])) for t in trials]
    return all(a == b and a is not None and None not in a for a, b in pairs)
