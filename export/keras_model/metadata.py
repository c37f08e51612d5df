"""What a file says about itself; no time, no path, no user, so its bytes depend on the model."""

import json
from collections.abc import Mapping
from importlib.metadata import version

import keras

from export.base.errors import InputError
from fold.keras_graph.internals import all_layers, nodes_by_depth

PRODUCER = "fleras"
SCALING = {"Rescaling", "Normalization", "Discretization", "CategoryEncoding", "Resizing"}


def file_metadata(model: keras.Model, precision: str, given: Mapping[str, str]) -> dict[str, str]:
    """Entries for ONNX `metadata_props` and TFLite metadata.

    Args:
        model: what is converted.
        precision: of the file.
        given: further entries, such as the hash of the source; they win.
    """
    own = {
        "producer": PRODUCER,
        "producer_version": version(PRODUCER),
        "model": model.name,
        "precision": precision,
        "preprocessing": json.dumps(preprocessing(model)),
    }
    return dict(sorted((own | dict(given)).items()))


def refuse_other_than_text(given: Mapping[str, str]) -> None:
    """Raises InputError where a key or value of metadata is no text."""
    for key, value in given.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise InputError(f"metadata {key!r}: {value!r} is no text; give strings, such as JSON")


def preprocessing(model: keras.Model) -> list[str]:
    """Names of the layers that scale or encode the inputs, ahead of any weights but their own.

    The file does so too. Scalings that `fold` leaves deeper inside are not meant.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        return [layer.name for layer in all_layers(model) if _scales(layer)]
    raw, found = {id(tensor) for tensor in graph.inputs}, []
    nodes = nodes_by_depth(graph)
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            operation = node.operation
            if node.is_input or not all(id(tensor) in raw for tensor in node.input_tensors):
                continue
            if isinstance(operation, keras.Model):
                found += preprocessing(operation)
            if _scales(operation):
                found.append(operation.name)
            elif getattr(operation, "weights", []):
                continue
            raw |= {id(tensor) for tensor in node.outputs}
    return list(dict.fromkeys(found))


def _scales(layer: keras.Operation) -> bool:
    return type(layer).__name__ in SCALING
