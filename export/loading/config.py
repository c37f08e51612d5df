"""Checks a model's configuration: what would be built from it, and by whose code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from export.base.errors import InputError
from export.loading.allowed import ANY, CODE, DATA, NOTHING, Kinds, allowed_at, kinds_of
from export.loading.custom_objects import Custom
from export.loading.refusal import refuse

SIZE = 64 << 20
DEPTH = 200
ROOT: Kinds = frozenset({"model"})
FUNCTION: Kinds = frozenset({"activation_function"})
LAMBDA: Kinds = frozenset({"code", "layer", "activation_function"})


class Position(NamedTuple):
    """A part of the configuration, and what may be there.

    Attributes:
        value: any JSON.
        kinds: of the objects that may stand here, or in the lists and plain dicts here.
        closed: whether there is data only from here on, whatever the keys.
    """

    value: Any
    kinds: Kinds = NOTHING
    closed: bool = False


def read_config(path: Path) -> dict[str, Any]:
    """The configuration in a `.keras` file, without what it was compiled with.

    Raises:
        InputError: it is too large, no JSON or no model.
    """
    with ZipFile(path) as archive:
        for name in ("config.json", "metadata.json"):
            if archive.getinfo(name).file_size > SIZE:
                raise InputError(
                    f"{path.name} has a {name} of more than 64 MiB; it is not from Keras"
                )
        content = archive.read("config.json")
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


def check_config(config: Mapping[str, Any], file: str, custom: Custom) -> None:
    """Walks the configuration of a model, in the form of Keras 3, without building anything.

    Every object in it is in the list of `export.loading.allowed`, of a kind that may stand where
    it stands, or among the custom objects.

    Args:
        config: the whole model's, with "class_name", "module" and "config".
        file: its name, for messages.
        custom: what the user allows beyond.

    Raises:
        InputError: something else is in it, or it is too deep.
    """
    level, depth = [Position(dict(config), ROOT)], 0
    while level:
        if depth > DEPTH:
            raise InputError(f"{file} nests its configuration too deep; it is not from Keras")
        level = [child for position in level for child in _children(position, file, custom)]
        depth += 1


def _children(position: Position, file: str, custom: Custom) -> Iterator[Position]:
    value = position.value
    if isinstance(value, list):
        yield from (position._replace(value=item) for item in value)
    elif isinstance(value, dict) and "class_name" in value:
        yield from _parts(position, file, custom)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield _at(key, item, position, position.kinds)


def _at(key: str, value: Any, parent: Position, otherwise: Kinds) -> Position:
    if parent.closed:
        return Position(value, closed=True)
    return Position(value, allowed_at(key, otherwise))


def _parts(position: Position, file: str, custom: Custom) -> Iterator[Position]:
    """What is within an object that may stand here; its own keys, then its configuration's."""
    node = position.value
    otherwise = _judge(node, position, file, custom)
    for key, value in node.items():
        if key == "config" and isinstance(value, dict) and "class_name" not in value:
            for name, item in value.items():
                yield _at(name, item, position, otherwise)
        elif key == "compile_config" and isinstance(value, dict) and "class_name" not in value:
            yield Position(value, closed=position.closed)
        else:
            yield Position(value, closed=True)


def _judge(node: dict[str, Any], position: Position, file: str, custom: Custom) -> Kinds:
    """The kinds that may be at keys unknown to Keras within this object, which is allowed."""
    name, module = node["class_name"], node.get("module") or ""
    if isinstance(name, str) and name in DATA and not module:
        return NOTHING
    function = name == "function"
    if function:
        name = node.get("config")
    registered = node.get("registered_name") or ""
    if not (isinstance(name, str) and isinstance(module, str) and isinstance(registered, str)):
        raise InputError(f"{file} names a class by what is no name; it is not from Keras")
    if "code" in position.kinds and name == "__lambda__" and not position.closed:
        return NOTHING
    if not position.closed and custom.replaces(node):
        return FUNCTION
    if not position.closed and custom.allows(name, module, registered, function):
        return LAMBDA if name in CODE else ANY
    kinds = kinds_of(module, name, function)
    own = registered in ("", name, "function", f"{module.partition('.')[0]}>{name}")
    if own and kinds & (NOTHING if position.closed else position.kinds):
        return NOTHING
    raise refuse(node, kinds if own else NOTHING, file)
