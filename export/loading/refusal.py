"""Why something in a configuration is refused, and what its owner can do."""

import sys
from collections.abc import Mapping
from typing import Any

from export.base.errors import InputError
from export.loading.allowed import CODE, Kinds

NO_MODEL_CODE = sys.stdlib_module_names | {
    *("absl", "ai_edge_litert", "builtins", "export", "fleras", "fold", "h5py", "keras", "numpy"),
    *("onnx", "onnxruntime", "pip", "pkg_resources", "setuptools", "tensorflow", "tf2onnx"),
}
"""Packages that hold no layer of a user's own: nobody is advised to allow something of theirs."""


def refuse(node: Mapping[str, Any], kinds: Kinds, file: str) -> InputError:
    """The error for an object that may not stand where it stands.

    Args:
        node: the object in the configuration.
        kinds: what it is, where it is allowed in other places.
        file: the model's.
    """
    kind, module = str(node["class_name"]), str(node.get("module") or "")
    name = str(node.get("config")) if kind == "function" else kind
    own = _own_name(node)
    if kind in CODE and module == "keras.layers":
        return InputError(
            f"{file}: layer {own!r} is a {kind}, which carries code of its own; replace it "
            f"by a layer, or if you trust the file add --custom-objects keras.layers:{kind}"
        )
    if kinds:
        return InputError(
            f"{file}: {own!r} is a {name} where none may be; it is not from Keras, do not open it"
        )
    whose = f"{name} from {module or 'an unknown module'}"
    if not _may_hold_layers(module, name):
        return InputError(
            f"{file}: {own!r} is a {whose}, which is no part of a model that can be exported; "
            "replace it by a layer, and do not open files from people you do not know"
        )
    return InputError(
        f"{file}: {own!r} is a {whose}, which is not part of Keras; if you trust that code, "
        f"add --custom-objects {module}:{name}"
    )


def _may_hold_layers(module: str, name: str) -> bool:
    parts = [*module.split("."), name]
    return all(part.isidentifier() for part in parts) and parts[0] not in NO_MODEL_CODE


def _own_name(node: Mapping[str, Any]) -> str:
    config = node.get("config")
    name = config.get("name") if isinstance(config, dict) else config
    return str(name or node.get("name") or node["class_name"])
