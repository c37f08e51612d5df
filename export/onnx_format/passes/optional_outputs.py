"""Leaves out the results of recurrent operators that nothing reads, so that none is computed."""

from export.onnx_format.graph import OnnxGraph

KINDS = ("GRU", "LSTM", "RNN")


def leave_out(graph: OnnxGraph) -> None:
    """Empties the names of such outputs."""
    used = graph.readers().keys() | set(graph.outputs)
    for node in graph.nodes:
        if node.op_type in KINDS:
            names = [name if name in used else "" for name in node.output]
            while not names[-1]:
                names.pop()
            node.output[:] = names
