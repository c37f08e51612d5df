"""Names that depend on the model alone: Keras' for the ports, the layer's for what is inside."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import onnx

from export.base.artifact import Port
from export.onnx_format.graph import OnnxGraph, subgraphs

BATCH = "batch"


def name_ports(
    graph: OnnxGraph, inputs: dict[str, Port], outputs: dict[str, Port], batch: int | None
) -> None:
    """Gives inputs and outputs the model's names, shapes and order.

    Args:
        graph: edited in place.
        inputs: port by present name, in the model's order.
        outputs: the same for the outputs.
        batch: size of the first axis; None names it `batch`.
    """
    _make_way(graph, {port.name for port in (*inputs.values(), *outputs.values())})
    for old, port in inputs.items():
        graph.rename(old, port.name)
    for old, port in outputs.items():
        _rename_output(graph, old, port.name)
    _declare(graph.model.graph.input, inputs.values(), batch)
    _declare(graph.model.graph.output, outputs.values(), batch)


def name_inside(graph: OnnxGraph, paths: dict[str, str]) -> None:
    """Renames nodes, tensors and constants after the layers they come from.

    tf2onnx numbers names with a counter that runs on over conversions, and of equal constants it
    keeps any; a constant that is no weight is called after the first node that reads it.

    Args:
        graph: edited in place, nodes in their final order.
        paths: what Keras calls a weight, by its present name.
    """
    used = Counter([*graph.inputs, *graph.outputs])
    names = {name: name for name in used}
    for node in graph.nodes:
        node.name = _unique(_of_layer(node), used)
        for index, name in enumerate(node.input):
            if name in graph.constants and name not in names:
                names[name] = _unique(paths.get(name) or f"{node.name}/{index}", used)
        for index, name in enumerate(node.output):
            if name and name not in names:
                names[name] = _unique(f"{node.name}:{index}", used)
    for name in graph.constants:
        names.setdefault(name, _unique(paths.get(name) or _clean(name), used))
    _apply(graph.nodes, names, used)
    constants = graph.constants
    graph.constants = {new: constants[old] for old, new in names.items() if old in constants}


def _apply(nodes: Sequence[onnx.NodeProto], names: dict[str, str], used: Counter[str]) -> None:
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for body in subgraphs(node):
            _apply_body(node.name, body, dict(names), used)


def _apply_body(
    owner: str, body: onnx.GraphProto, names: dict[str, str], used: Counter[str]
) -> None:
    """Names in the body of a loop or branch: new for its own tensors, `names` for outer ones."""
    body.name = f"{owner}/body"
    del body.value_info[:]
    for value in (*body.input, *body.initializer):
        names[value.name] = value.name = _unique(f"{body.name}/{_clean(value.name)}", used)
    for node in body.node:
        node.name = _unique(f"{body.name}/{node.op_type}", used)
        for index, name in enumerate(node.output):
            if name:
                names[name] = _unique(f"{node.name}:{index}", used)
    _apply(body.node, names, used)
    for value in body.output:
        value.name = names.get(value.name, value.name)
    for value in (*body.input, *body.output):
        _drop_symbols(value)


def _drop_symbols(value: onnx.ValueInfoProto) -> None:
    for dim in value.type.tensor_type.shape.dim:
        if dim.HasField("dim_param"):
            dim.Clear()


def _make_way(graph: OnnxGraph, names: set[str]) -> None:
    """Inner tensors that happen to be called like a port get another name."""
    for node in graph.nodes:
        for index, name in enumerate(node.output):
            if name in names:
                node.output[index] = f"{name}__inner"
                graph.rename(name, f"{name}__inner")
    for name in names & graph.constants.keys():
        graph.constants[f"{name}__inner"] = graph.constants.pop(name)
        graph.rename(name, f"{name}__inner")


def _rename_output(graph: OnnxGraph, old: str, new: str) -> None:
    """A graph output is made by a node of the main graph; else an Identity makes it."""
    for node in graph.nodes:
        if old in node.output:
            node.output[:] = [new if name == old else name for name in node.output]
            graph.rename(old, new)
            return
    source = old
    graph.nodes.append(onnx.helper.make_node("Identity", [source], [new], name=f"{new}/Identity"))


def _declare(values: list[onnx.ValueInfoProto], ports: Iterable[Port], batch: int | None) -> None:
    infos = []
    for port in ports:
        first = [BATCH if batch is None else batch] if port.shape else []
        kind = onnx.helper.np_dtype_to_tensor_dtype(_dtype(port.dtype))
        infos.append(onnx.helper.make_tensor_value_info(port.name, kind, [*first, *port.shape[1:]]))
    del values[:]
    values.extend(infos)


def _dtype(name: str) -> np.dtype:
    return np.dtype(name)


def _clean(name: str) -> str:
    """Without tf2onnx's counters and the scope of the whole model, which Keras may number."""
    bare = re.sub(r"__\d+", "", name).removesuffix(":0").strip("/")
    return bare.partition("/")[2] or bare


def _of_layer(node: onnx.NodeProto) -> str:
    """The layer and the operator: TensorFlow's word for the operation may be another's."""
    layer = _clean(node.name).rpartition("/")[0]
    return f"{layer}/{node.op_type}" if layer else node.op_type


def _unique(name: str, used: Counter[str]) -> str:
    """`name`, or `name_1`, `name_2`, ... when it was given away."""
    candidate = name
    while used[candidate]:
        candidate = f"{name}_{used[name]}"
        used[name] += 1
    used[candidate] += 1
    return candidate
