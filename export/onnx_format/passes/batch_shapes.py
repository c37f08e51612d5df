"""Shapes that the file would compute while it runs, though only the batch is free: written down.

What depends on shapes alone is computed for a few batches. An element that is the same for all of
them is a constant; one that grows with the batch is 0 or -1 in the target of a Reshape.
"""

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph
from export.onnx_format.passes import broadcasts
from export.onnx_format.passes.constants import fold_constants
from export.onnx_format.passes.trial_shapes import Trial, trials_of


def fix(graph: OnnxGraph) -> None:
    """Gives Reshapes constant targets and takes out Expands that change nothing."""
    trials = trials_of(graph)
    if not trials:
        return
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
    broadcasts.pad_instead(graph, trials)
    broadcasts.postpone(graph, trials)
    fold_constants(graph)


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
