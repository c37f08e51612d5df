"""Takes out Identity nodes."""

from export.onnx_format.graph import OnnxGraph, reads


def remove(graph: OnnxGraph) -> None:
    """Readers of an Identity read its input; one that makes an output lends the maker its name."""
    outputs, inputs = set(graph.outputs), set(graph.inputs)
    source: dict[str, str] = {}
    for node in graph.nodes:
        if node.op_type == "Identity" and node.output[0] not in outputs:
            source[node.output[0]] = source.get(node.input[0], node.input[0])
    for node in graph.nodes:
        for name in reads(node) & source.keys():
            graph.rename_in(node, name, source[name])
    producers = graph.producers()
    for node in graph.nodes:
        result = node.output[0]
        if node.op_type != "Identity" or result not in outputs:
            continue
        made, maker = node.input[0], producers.get(node.input[0])
        if maker is None or made in outputs | inputs:
            continue
        maker.output[:] = [result if name == made else name for name in maker.output]
        graph.rename(made, result)
        node.Clear()
    graph.replace_nodes(
        [node for node in graph.nodes if node.op_type and node.output[0] not in source]
    )
