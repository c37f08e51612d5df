"""The head of the file: who made it, what it holds, which operator sets it needs."""

from collections.abc import Mapping
from importlib.metadata import version

from export.keras_model.metadata import PRODUCER
from export.onnx_format.graph import OnnxGraph, walk


def introduce(graph: OnnxGraph, name: str, metadata: Mapping[str, str]) -> None:
    """Sets name, producer and metadata, and drops operator sets that no node uses."""
    model = graph.model
    model.producer_name, model.producer_version = PRODUCER, version(PRODUCER)
    model.graph.name, model.graph.doc_string, model.doc_string = name, "", ""
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    used = {node.domain for node in walk(model.graph)}
    kept = [entry for entry in model.opset_import if entry.domain in used | {""}]
    versions = [(entry.domain, entry.version) for entry in kept]
    del model.opset_import[:]
    for domain, number in versions:
        model.opset_import.add(domain=domain, version=number)
