"""Per-channel `s*x + d`: into the convolution before it, or as a convolution of its own.

ONNX Runtime keeps images in a blocked layout from convolution to convolution. A `Mul` or `Add`
leaves that layout and costs two passes over memory; a 1x1 depthwise `Conv` stays in it and takes
the `Relu` behind it along (DenseNet121: `make bench-export` shows what it gains).
"""

from dataclasses import dataclass

import numpy as np
import onnx

from export.onnx_format.graph import OnnxGraph, attributes
from export.onnx_format.passes.constants import drop_unread
from export.onnx_format.shapes import Shape, infer

BLOCK = 8
KINDS = ("Mul", "Add", "Sub")


@dataclass
class Chain:
    """Consecutive per-channel operations on one tensor.

    Attributes:
        source: the tensor they start from.
        nodes: the operations, in order; each reads only the one before.
        scale: per channel, float64.
        shift: per channel, float64.
        rank: of the tensor.
    """

    source: str
    nodes: list[onnx.NodeProto]
    scale: np.ndarray
    shift: np.ndarray
    rank: int

    @property
    def result(self) -> str:
        """The tensor they end in."""
        return str(self.nodes[-1].output[0])

    @property
    def uniform(self) -> bool:
        """Whether all channels get the same: such steps of a GELU are slower as convolutions."""
        return bool(np.ptp(self.scale) == 0 and np.ptp(self.shift) == 0)


def rewrite(graph: OnnxGraph) -> None:
    """Rewrites per-channel affines of tensors [batch, channels, ...]: of images, all of them."""
    producers, readers = graph.producers(), graph.readers()
    for chain in _chains(graph, infer(graph), readers):
        before = producers.get(chain.source)
        alone = len(readers[chain.source]) == 1 and chain.source not in graph.outputs
        if before is not None and alone and _is_fixed_convolution(graph, before):
            _absorb(graph, before, chain)
        elif before is not None and chain.rank == 4 and _pays(chain):
            _become_convolution(graph, chain)
    graph.replace_nodes([node for node in graph.nodes if node.op_type])
    drop_unread(graph)


def _chains(
    graph: OnnxGraph, shapes: dict[str, Shape], readers: dict[str, list[onnx.NodeProto]]
) -> list[Chain]:
    outputs = set(graph.outputs)
    chains: list[Chain] = []
    open_chains: dict[str, Chain] = {}
    for node in graph.nodes:
        step = _step(graph, node, shapes)
        if step is None:
            continue
        source, scale, shift = step
        chain = open_chains.pop(source, None)
        if chain is None or len(readers[source]) > 1 or source in outputs:
            neutral = np.ones_like(scale), np.zeros_like(scale)
            chain = Chain(source, [], *neutral, len(shapes[source]))
            chains.append(chain)
        chain.nodes.append(node)
        chain.scale, chain.shift = chain.scale * scale, chain.shift * scale + shift
        open_chains[chain.result] = chain
    return chains


def _step(
    graph: OnnxGraph, node: onnx.NodeProto, shapes: dict[str, Shape]
) -> tuple[str, np.ndarray, np.ndarray] | None:
    """What it reads, scale and shift, when `node` is a per-channel operation with a constant."""
    if node.op_type not in KINDS or len(node.input) != 2:
        return None
    constant = [name in graph.constants for name in node.input]
    if sum(constant) != 1:
        return None
    at = constant.index(True)
    source, value = node.input[1 - at], graph.constants[node.input[at]]
    shape = shapes.get(source, ())
    vector = _per_channel(value, shape)
    if vector is None:
        return None
    if node.op_type == "Mul":
        return source, vector, np.zeros_like(vector)
    if node.op_type == "Add":
        return source, np.ones_like(vector), vector
    sign = 1.0 if at == 1 else -1.0
    return source, sign * np.ones_like(vector), -sign * vector


def _per_channel(value: np.ndarray, shape: Shape) -> np.ndarray | None:
    """The constant as one number per channel of a tensor of this shape, in float64."""
    rank = len(shape)
    if rank < 3 or shape[1] is None or value.dtype != np.float32 or value.ndim > rank:
        return None
    full = value.reshape((1,) * (rank - value.ndim) + value.shape)
    if full.shape not in ((1, shape[1], *[1] * (rank - 2)), (1,) * rank):
        return None
    return np.broadcast_to(full.reshape(-1), (shape[1],)).astype(np.float64)


def _pays(chain: Chain) -> bool:
    return len(chain.scale) % BLOCK == 0 and not chain.uniform


def _is_fixed_convolution(graph: OnnxGraph, node: onnx.NodeProto) -> bool:
    fixed = all(name in graph.constants for name in node.input[1:])
    return fixed and (node.op_type == "Conv" or _is_whole_transposed(node))


def _is_whole_transposed(node: onnx.NodeProto) -> bool:
    return bool(node.op_type == "ConvTranspose" and attributes(node).get("group", 1) == 1)


def _absorb(graph: OnnxGraph, node: onnx.NodeProto, chain: Chain) -> None:
    kernel = graph.constants[node.input[1]].astype(np.float64)
    bias = graph.constants[node.input[2]] if len(node.input) > 2 else np.zeros_like(chain.scale)
    axis = 0 if node.op_type == "Conv" else 1
    column = np.moveaxis(chain.scale.reshape(-1, *(1,) * (kernel.ndim - 1)), 0, axis)
    weights = [kernel * column, bias.astype(np.float64) * chain.scale + chain.shift]
    del node.input[1:]
    node.input.extend(_store(graph, node.output[0], weights))
    node.output[0] = chain.result
    _clear(chain.nodes)


def _become_convolution(graph: OnnxGraph, chain: Chain) -> None:
    weights = [chain.scale.reshape(-1, 1, 1, 1), chain.shift]
    first = chain.nodes[0]
    convolution = onnx.helper.make_node(
        "Conv",
        [chain.source, *_store(graph, chain.result, weights)],
        [chain.result],
        name=first.name,
        group=len(chain.scale),
        kernel_shape=[1, 1],
    )
    first.CopyFrom(convolution)
    _clear(chain.nodes[1:])


def _store(graph: OnnxGraph, owner: str, weights: list[np.ndarray]) -> list[str]:
    names = [f"{owner}/kernel", f"{owner}/bias"]
    graph.constants.update(zip(names, (w.astype(np.float32) for w in weights), strict=True))
    return names


def _clear(nodes: list[onnx.NodeProto]) -> None:
    """Empties nodes; they are taken out at the end."""
    for node in nodes:
        node.Clear()
