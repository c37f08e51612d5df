"""Lambda layers whose code a user gives as a function by name."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from export.base.errors import InputError
from export.loading.custom_objects import Custom

CONFIG = "config.json"


def replace_lambdas(source: Path, target: Path, custom: Custom) -> None:
    """Copies a `.keras` archive with references to functions in the place of code.

    Raises:
        InputError: it has no Lambda of a given name.
    """
    functions = custom.lambda_functions()
    with ZipFile(source) as old, ZipFile(target, "w") as new:
        config = json.loads(old.read(CONFIG))
        found = set(_replace(config, functions))
        if missing := sorted(functions.keys() - found):
            raise InputError(f"{source.name} has no Lambda layer {missing[0]!r}; check the name")
        for member in old.infolist():
            content = json.dumps(config) if member.filename == CONFIG else old.read(member)
            new.writestr(member, content)


def reference(function: Any) -> dict[str, Any]:
    """How Keras writes a function by name."""
    name = function.__name__
    return {
        "module": function.__module__,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }


def _replace(tree: Any, functions: dict[str, Any]) -> list[str]:
    """Changes the configuration in place; the names of the layers that were found."""
    names, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        waiting += node.values() if isinstance(node, dict) else node
        waiting = [item for item in waiting if isinstance(item, dict | list)]
        if isinstance(node, dict) and node.get("class_name") == "Lambda":
            name = node.get("config", {}).get("name")
            if name in functions:
                node["config"]["function"] = reference(functions[name])
                names.append(name)
    return names
