"""Expands to the size of a batch that what follows does without: it broadcasts anyway, or pads.

A mask or a token that is the same for every example need not be copied for each, and the size of
the batch need not be known.
"""

import math

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes, reads
from export.onnx_format.passes.trial_shapes import Trial
from export.onnx_format.shapes import Shape

BROADCASTING = {
    *("Add", "And", "Cast", "Div", "Equal", "Greater", "GreaterOrEqual", "Identity", "Less"),
    *("LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "Or", "Sub", "Where", "Xor"),
}
LARGEST = 1 << 16
Narrow = dict[str, list[Shape]]  # the shape that a tensor would have instead, in each trial


def postpone(graph: OnnxGraph, trials: list[Trial]) -> None:
    """Takes out Expands whose results are broadcast by their readers, or theirs, all the same."""
    for node in graph.nodes:
        made = node.output[0]
        if node.op_type != "Expand" or any(made not in trial.shapes for trial in trials):
            continue
        source = _unexpanded(graph, node, trials)
        narrow = _spread(graph, {made: source}, trials) if source else None
        if narrow is None:
            continue
        for name, shapes in narrow.items():
            for trial, shape in zip(trials, shapes, strict=True):
                trial.shapes[name] = shape
        graph.rename(made, node.input[0])


def _unexpanded(graph: OnnxGraph, node: onnx.NodeProto, trials: list[Trial]) -> list[Shape]:
    """The shapes without the Expand; a constant keeps what it has of the result's other axes."""
    before = [trial.shapes.get(node.input[0], ()) for trial in trials]
    after = [_whole(trial.shapes[node.output[0]]) for trial in trials]
    value, first = graph.constants.get(node.input[0]), after[0]
    if value is None or first is None:
        same = all(a and len(b) == len(a) for a, b in zip(after, before, strict=True))
        return before if same else []
    shape = (1, *first[1:])
    if any(each is None or each[1:] != shape[1:] for each in after) or math.prod(shape) > LARGEST:
        return []
    node.input[0] = f"{node.output[0]}/once"
    graph.constants[node.input[0]] = np.array(np.broadcast_to(value, shape))
    return [shape] * len(trials)


def _spread(graph: OnnxGraph, narrow: Narrow, trials: list[Trial]) -> Narrow | None:
    """All tensors that would be narrower; None where one reaches what does not broadcast."""
    outputs = set(graph.outputs)
    for node in graph.nodes:
        if not narrow.keys() & reads(node):
            continue
        shapes = [_shape(graph, node, narrow, trials, at) for at in range(len(trials))]
        made = node.output[0]
        if None in shapes:
            return None
        if any(
            shape != trial.shapes.get(made) for shape, trial in zip(shapes, trials, strict=True)
        ):
            if made in outputs:
                return None
            narrow[made] = [shape for shape in shapes if shape is not None]
    return narrow


def _shape(
    graph: OnnxGraph, node: onnx.NodeProto, narrow: Narrow, trials: list[Trial], at: int
) -> Shape | None:
    """What the node would make in one trial."""
    given = [narrow[n][at] if n in narrow else trials[at].shapes.get(n) for n in node.input]
    known = [shape for shape in map(_whole, given) if shape is not None]
    if len(known) < len(given):
        return None
    if node.op_type in BROADCASTING:
        return np.broadcast_shapes(*known)
    if node.op_type == "Unsqueeze" and node.input[1] in graph.constants:
        axes = tuple(graph.constants[node.input[1]].tolist())
        return np.expand_dims(np.empty(known[0], np.bool_), axes).shape
    return None


def _whole(shape: Shape | None) -> tuple[int, ...] | None:
    known = tuple(size for size in shape or () if size is not None)
    return None if shape is None or len(known) < len(shape) else known


def pad_instead(graph: OnnxGraph, trials: list[Trial]) -> None:
    """Joins of one tensor and constants that are the same for every example, as Pad and Add."""
    producers, kept = graph.producers(), []
    for node in graph.nodes:
        parts = []
        if node.op_type == "Concat":
            parts = [_same_for_all(graph, producers.get(name), trials) for name in node.input]
        alone = len(parts) > 1 and sum(part is None for part in parts) == 1
        kept += (alone and _padded(graph, node, parts, trials)) or [node]
    graph.replace_nodes(kept)


def _same_for_all(
    graph: OnnxGraph, node: onnx.NodeProto | None, trials: list[Trial]
) -> np.ndarray | None:
    """What an Expand or Tile of a constant makes for one example, where only the batch differs."""
    if node is None or node.op_type not in ("Expand", "Tile"):
        return None
    shapes = [trial.shapes.get(node.output[0], (None,)) for trial in trials]
    given = graph.constants.get(node.input[0])
    sizes = trials[0].values.get(node.input[1], graph.constants.get(node.input[1]))
    if given is None or sizes is None or given.dtype != np.float32:
        return None
    if shapes[0][0] != 1 or any(None in s or s[1:] != shapes[0][1:] for s in shapes):
        return None
    return np.tile(given, sizes) if node.op_type == "Tile" else np.broadcast_to(given, sizes)


def _padded(
    graph: OnnxGraph, node: onnx.NodeProto, parts: list[np.ndarray | None], trials: list[Trial]
) -> list[onnx.NodeProto]:
    """Nothing where the constants lie along the batch, or the other tensor's shape is not known."""
    at = next(place for place, part in enumerate(parts) if part is None)
    shape = _whole(trials[0].shapes.get(node.input[at]))
    axis = attributes(node)["axis"] % len(shape) if shape else 0
    if shape is None or axis == 0:
        return []
    middle = np.zeros((1, *shape[1:]), np.float32)
    pads = np.zeros((2, len(shape)), np.int64)
    for side, some in enumerate((parts[:at], parts[at + 1 :])):
        pads[side, axis] = sum(part.shape[axis] for part in some if part is not None)
    name = node.output[0]
    graph.constants[f"{name}/pads"] = pads.reshape(-1)
    whole = np.concatenate([middle if part is None else part for part in parts], axis)
    graph.constants[f"{name}/parts"] = whole
    padded = f"{name}/padded"
    return [
        onnx.helper.make_node("Pad", [node.input[at], f"{name}/pads"], [padded], padded),
        onnx.helper.make_node("Add", [padded, f"{name}/parts"], [name], node.name),
    ]
