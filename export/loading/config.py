"""Checks the configuration in a `.keras` file: what would be built from it, and by whose code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from export.base.errors import InputError
from export.loading.custom_objects import Custom

SIZE = 64 << 20
DEPTH = 200
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
TRUSTED = {
    "activations",
    "applications",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
}


def check_config(path: Path, custom: Custom) -> None:
    """Walks `config.json` without building anything.

    Raises:
        InputError: it is too large, too deep or no JSON; or it names a layer that carries code, or
            a class from outside Keras and this project, that is not among the custom objects.
    """
    with ZipFile(path) as archive:
        for name in ("config.json", "metadata.json"):
            if archive.getinfo(name).file_size > SIZE:
                raise InputError(
                    f"{path.name} has a {name} of more than 64 MiB; it is not from Keras"
                )
        content = archive.read("config.json")
    for node in _nodes(_parse(content, path), path):
        _check_node(node, path, custom)


def _parse(content: bytes, path: Path) -> Any:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path.name} has a config.json that can't be read; save it again"
        ) from error
    if not isinstance(parsed, dict) or "class_name" not in parsed:
        raise InputError(
            f"{path.name} holds no Keras model; save it with model.save('model.keras')"
        )
    return {name: value for name, value in parsed.items() if name != "compile_config"}


def _nodes(tree: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Every serialised object in the configuration, outermost first."""
    level, depth = [tree], 0
    while level:
        if depth > DEPTH:
            raise InputError(f"{path.name} nests its configuration too deep; it is not from Keras")
        yield from (node for node in level if isinstance(node, dict) and "class_name" in node)
        level = [child for node in level for child in _children(node)]
        depth += 1


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _check_node(node: dict[str, Any], path: Path, custom: Custom) -> None:
    kind, module = str(node["class_name"]), str(node.get("module") or "")
    registered = str(node.get("registered_name") or "")
    if custom.allows(kind, module, registered):
        return
    name = _own_name(node)
    if kind in CODE:
        raise InputError(
            f"{path.name}: layer {name!r} is a {kind}, which carries code of its own; replace it "
            f"by a layer, or if you trust the file add --custom-objects keras.layers:{kind}"
        )
    if not _trusted(kind, module):
        raise InputError(
            f"{path.name}: {name!r} is a {kind} from {module or 'an unknown module'}, which is "
            "not part of Keras; if you trust that code, "
            f"add --custom-objects {module or 'MODULE'}:{kind}"
        )


def _trusted(kind: str, module: str) -> bool:
    parts = [part for part in module.split(".") if part != "src"]
    if parts == ["builtins"]:
        return kind == "function"
    if not module:
        return kind.startswith("__")
    if parts[0] == "keras":
        return len(parts) == 1 or parts[1] in TRUSTED
    return parts[0] == "fleras"


def _own_name(node: dict[str, Any]) -> str:
    config = node.get("config")
    name = config.get("name") if isinstance(config, dict) else config
    return str(name or node.get("name") or node["class_name"])
