"""Names the modules that a configuration of Keras 3 has in a `.keras` file, but not in HDF5."""

from typing import Any

import keras

MODELS = {"Functional": "keras.src.models.functional", "Model": "keras", "Sequential": "keras"}
OWN = "fleras"


def with_modules(config: Any) -> Any:
    """The configuration in the form of a `.keras` file; what names its module stays as it is."""
    if isinstance(config, list):
        return [with_modules(item) for item in config]
    if not isinstance(config, dict):
        return config
    node = {key: with_modules(value) for key, value in config.items()}
    name = node.get("class_name")
    if not isinstance(name, str) or not isinstance(node.get("config"), dict) or "module" in node:
        return node
    return node | _identity(name)


def _identity(name: str) -> dict[str, str | None]:
    package, _, kind = name.rpartition(">")
    if package == OWN:
        module: str | None = "fleras.fused_renorm"
    elif package:
        module = None
    else:
        module = MODELS.get(kind) or ("keras.layers" if hasattr(keras.layers, kind) else None)
    return {"class_name": kind, "module": module, "registered_name": name if package else None}
