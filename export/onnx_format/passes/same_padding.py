"""'Same' padding of sizes that are free, where ONNX Runtime can't compute it.

With a stride beyond the window it gets a negative number, and refuses to run.
"""

from typing import Any

import numpy as np
from onnx import NodeProto, helper

from export.onnx_format.graph import OnnxGraph, attributes

LOWEST = np.finfo(np.float32).min


def fix(graph: OnnxGraph) -> None:
    """Gives such nodes pads that are constant, where they are, or padding that is computed."""
    nodes: list[NodeProto] = []
    for node in graph.nodes:
        known = attributes(node)
        if known.get("auto_pad") != b"SAME_UPPER" or "kernel_shape" not in known:
            nodes.append(node)
            continue
        rates = known.get("dilations") or [1] * len(known["kernel_shape"])
        extents = [
            (size - 1) * rate + 1 for size, rate in zip(known["kernel_shape"], rates, strict=True)
        ]
        strides = known.get("strides") or [1] * len(extents)
        if max(strides) == 1:
            firsts = [(extent - 1) // 2 for extent in extents]
            lasts = [extent - 1 - first for extent, first in zip(extents, firsts, strict=True)]
            _set_pads(node, firsts + lasts)
        elif any(stride > extent for stride, extent in zip(strides, extents, strict=True)):
            nodes += _padded(graph, node, extents, strides)
            continue
        nodes.append(node)
    graph.replace_nodes(nodes)


def _set_pads(node: NodeProto, pads: list[int] | None) -> None:
    kept = [a for a in node.attribute if a.name not in ("auto_pad", "pads")]
    del node.attribute[:]
    node.attribute.extend(kept)
    if pads:
        node.attribute.append(helper.make_attribute("pads", pads))


def _padded(
    graph: OnnxGraph, node: NodeProto, extents: list[int], strides: list[int]
) -> list[NodeProto]:
    """The node without padding behind a Pad; a mean is divided by its share of real elements."""
    name, made = node.output[0], []

    def constant(part: str, value: Any) -> str:
        graph.constants[f"{name}/{part}"] = value
        return f"{name}/{part}"

    def add(kind: str, part: str, *inputs: str, **options: Any) -> str:
        made.append(helper.make_node(kind, inputs, [f"{name}/{part}"], f"{name}/{part}", **options))
        return f"{name}/{part}"

    def integers(part: str, *values: int) -> str:
        return constant(part, np.array(values, np.int64))

    one, zero = integers("one", 1), integers("zero", 0)
    shape = add("Shape", "shape", node.input[0])
    ends = integers("to", 2 + len(extents))
    size = add("Slice", "size", shape, integers("from", 2), ends, zero)
    rest = add("Mod", "rest", add("Sub", "before", size, one), integers("strides", *strides))
    missing = add("Sub", "missing", integers("extents", *(e - 1 for e in extents)), rest)
    total = add("Max", "total", missing, zero)
    first = add("Div", "first", total, integers("two", 2))
    last = add("Sub", "last", total, first)
    none = integers("none", 0, 0)
    pads = add("Concat", "pads", none, first, none, last, axis=0)
    fill = LOWEST if node.op_type == "MaxPool" else 0.0
    value = constant("fill", np.array(fill, np.float32))
    node.input[0] = add("Pad", "padded", node.input[0], pads, value)
    _set_pads(node, None)
    if node.op_type != "AveragePool":
        return [*made, node]
    alone = add("Concat", "alone", integers("ones", 1, 1), size, axis=0)
    real = add("Expand", "real", constant("unit", np.array(1, np.float32)), alone)
    share = add("Pad", "shares", real, pads, value)
    options = attributes(node)
    made.append(node)
    node.output[0] = f"{name}/sum"
    pooled = add("AveragePool", "share", share, **options)
    made.append(helper.make_node("Div", [f"{name}/sum", pooled], [name], f"{name}/mean"))
    return made
