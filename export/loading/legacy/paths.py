"""Where the `.keras` files of Keras 2 keep the weights of a layer: a path of attributes."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

import keras

from export.loading.legacy.rebuild import Member
from fold.keras_graph.internals import all_layers

Members = Mapping[int, list[Member]]
Identify = Callable[[keras.Layer], Hashable]


def by_object(layer: keras.Layer) -> Hashable:
    """Layers are the same where they are one object."""
    return id(layer)


def by_look(layer: keras.Layer) -> Hashable:
    """Layers are the same where they look the same.

    A configuration says nothing of a layer that two of its models share: each gets its own.
    """
    shapes = tuple(tuple(weight.shape) for weight in layer.weights)
    return (type(layer), layer.name, shapes) if shapes else id(layer)


def paths_of(
    model: keras.Model, members: Members, identify: Identify = by_object
) -> list[tuple[str, keras.Layer]]:
    """The path of each layer in the model, of the layers within layers too.

    A list of layers names them by their old class, with numbers from the second of a class on. What
    was found elsewhere before is not counted and has the path it has there.
    """
    walk = _Walk(members, identify)
    return list(walk.model(model, ""))


class _Walk:
    """Goes through the layers in the order in which Keras 2 writes them."""

    def __init__(self, members: Members, identify: Identify) -> None:
        self.members = members
        self.identify = identify
        self.known: dict[Hashable, str] = {}

    def model(self, model: keras.Model, path: str) -> Iterator[tuple[str, keras.Layer]]:
        yield path, model
        members = self.members.get(id(model))
        listed = members or [Member(x.name, type(x).__name__, x) for x in model.layers]
        yield from self.container(((m.kind, m.layer) for m in listed), f"{path}/layers".lstrip("/"))

    def layer(self, layer: keras.Layer, path: str) -> Iterator[tuple[str, keras.Layer]]:
        self.known[self.identify(layer)] = path
        if isinstance(layer, keras.Model):
            yield from self.model(layer, path)
            return
        yield path, layer
        for attribute, value in sorted(vars(layer).items()):
            if attribute in ("_layers", "_tracker") or attribute.startswith("__"):
                continue
            if isinstance(value, keras.Layer) and self.identify(value) not in self.known:
                yield from self.layer(value, f"{path}/{attribute}")
            elif isinstance(value, list | tuple):
                inside = [(type(x).__name__, x) for x in value if isinstance(x, keras.Layer)]
                yield from self.container(inside, f"{path}/{attribute}")

    def container(
        self, layers: Iterable[tuple[str, Any]], path: str
    ) -> Iterator[tuple[str, keras.Layer]]:
        used: dict[str, int] = {}
        for kind, layer in layers:
            if layer is not None and self.identify(layer) in self.known:
                yield from self.again(layer)
                continue
            name = snake_case(kind)
            used[name] = used.get(name, -1) + 1
            if layer is not None:
                number = f"_{used[name]}" if used[name] else ""
                yield from self.layer(layer, f"{path}/{name}{number}")

    def again(self, layer: keras.Layer) -> Iterator[tuple[str, keras.Layer]]:
        for part in all_layers(layer):
            if self.identify(part) in self.known:
                yield self.known[self.identify(part)], part


def snake_case(kind: str) -> str:
    """`Conv2DTranspose` -> `conv2d_transpose`, as Keras writes it."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
