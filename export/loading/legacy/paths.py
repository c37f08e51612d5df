"""Where the `.keras` files of Keras 2 keep the weights of a layer: a path of attributes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from export.loading.legacy.rebuild import Member

Members = Mapping[int, list[Member]]


def paths_of(
    model: keras.Model, members: Members, path: str = ""
) -> Iterator[tuple[str, keras.Layer]]:
    """The path of each layer in the model, of the layers within layers too.

    A list of layers names them by their old class, with numbers from the second of a class on. What
    was found elsewhere before is neither named nor counted.
    """
    yield from _model(model, members, path, set())


def _model(
    model: keras.Model, members: Members, path: str, seen: set[int]
) -> Iterator[tuple[str, keras.Layer]]:
    yield path, model
    known = members.get(id(model)) or [Member(x.name, type(x).__name__, x) for x in model.layers]
    for name, layer in _numbered([(member.kind, member.layer) for member in known], seen):
        if layer is not None:
            yield from _layer(layer, members, f"{path}/layers/{name}".lstrip("/"), seen)


def _layer(
    layer: keras.Layer, members: Members, path: str, seen: set[int]
) -> Iterator[tuple[str, keras.Layer]]:
    seen.add(id(layer))
    if isinstance(layer, keras.Model):
        yield from _model(layer, members, path, seen)
        return
    yield path, layer
    for attribute, value in sorted(vars(layer).items()):
        if attribute in ("_layers", "_tracker") or attribute.startswith("__"):
            continue
        if isinstance(value, keras.Layer) and id(value) not in seen:
            yield from _layer(value, members, f"{path}/{attribute}", seen)
        elif isinstance(value, list | tuple):
            inside = [(type(x).__name__, x) for x in value if isinstance(x, keras.Layer)]
            for name, part in _numbered(inside, seen):
                yield from _layer(part, members, f"{path}/{attribute}/{name}", seen)


def _numbered(layers: list[tuple[str, Any]], seen: set[int]) -> Iterator[tuple[str, Any]]:
    used: dict[str, int] = {}
    for kind, layer in layers:
        if id(layer) in seen:
            continue
        name = snake_case(kind)
        used[name] = used.get(name, -1) + 1
        yield (f"{name}_{used[name]}" if used[name] else name), layer


def snake_case(kind: str) -> str:
    """`Conv2DTranspose` -> `conv2d_transpose`, as Keras writes it."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
