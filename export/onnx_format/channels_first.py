"""Images in and out with their channels first, as many vision runtimes hold them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from export.base.artifact import Port
from export.onnx_format.graph import OnnxGraph

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
KEY = "channels_first"


def channels_first(
    graph: OnnxGraph, inputs: dict[str, Port], outputs: dict[str, Port]
) -> tuple[dict[str, Port], dict[str, Port]]:
    """Turns every port of rank 4 from [batch, height, width, channels] to channels first.

    Args:
        graph: edited in place.
        inputs: port by present name.
        outputs: the same for the outputs.

    Returns:
        The ports as they are now.
    """
    before, after = [], []
    for name in _images(inputs):
        graph.rename(name, f"{name}/last")
        before.append(_transpose(name, f"{name}/last", TO_LAST))
    for name in _images(outputs):
        for node in graph.nodes:
            node.output[:] = [f"{name}/last" if made == name else made for made in node.output]
        graph.rename(name, f"{name}/last")
        after.append(_transpose(f"{name}/last", name, TO_FIRST))
    graph.replace_nodes([*before, *graph.nodes, *after])
    for value in (*graph.model.graph.input, *graph.model.graph.output):
        if value.name in {*_images(inputs), *_images(outputs)}:
            _turn(value)
    return _channels_first(inputs), _channels_first(outputs)


def channels_first_ports(ports: Sequence[Port]) -> tuple[Port, ...]:
    """The ports with the shape that images have in the file."""
    return tuple(_channels_first({port.name: port for port in ports}).values())


def turn(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays with channels last as the file takes them."""
    return {
        name: np.ascontiguousarray(np.moveaxis(value, -1, 1)) if value.ndim == 4 else value
        for name, value in feeds.items()
    }


def _images(ports: dict[str, Port]) -> list[str]:
    return [name for name, port in ports.items() if len(port.shape) == 4]


def _channels_first(ports: dict[str, Port]) -> dict[str, Port]:
    images = _images(ports)
    return {
        name: replace(port, shape=tuple(port.shape[i] for i in TO_FIRST))
        if name in images
        else port
        for name, port in ports.items()
    }


def _turn(value: onnx.ValueInfoProto) -> None:
    dims = value.type.tensor_type.shape.dim
    moved = [dims[axis] for axis in TO_FIRST] if dims else []
    copies = [onnx.TensorShapeProto.Dimension.FromString(d.SerializeToString()) for d in moved]
    del dims[:]
    dims.extend(copies)


def _transpose(source: str, result: str, perm: tuple[int, ...]) -> onnx.NodeProto:
    return onnx.helper.make_node("Transpose", [source], [result], name=result, perm=perm)
