"""What a file says about itself; no time, no path, no user, so its bytes depend on the model."""

import json
from collections.abc import Mapping
from importlib.metadata import version

import keras

from fold.keras_graph.internals import all_layers

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


def preprocessing(model: keras.Model) -> list[str]:
    """Names of the layers in the model that scale or encode its input: the file does so too."""
    return [layer.name for layer in all_layers(model) if type(layer).__name__ in SCALING]
