"""A composite layer or a subclassed model -> the graph of what its `call` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.numpy import NotEqual

from fold.affine import FoldError, Shape
from fold.keras_graph.graph import Value


def expand(layer: keras.Layer, args: tuple, kwargs: dict) -> tuple[Functional | None, str]:
    """The graph of one call of a composite layer, or None and why it has none."""
    if layer._trainable_variables or layer._non_trainable_variables:
        return None, "it has weights of its own"
    if type(layer).compute_mask is not keras.Layer.compute_mask:
        return None, "it computes masks"
    inputs: list[keras.KerasTensor] = []

    def enter(leaf: Any) -> Any:
        if not isinstance(leaf, Value):
            return leaf
        inputs.append(keras.Input(batch_shape=leaf.shape, dtype=leaf.dtype))
        return inputs[-1]

    args, kwargs = keras.tree.map_structure(enter, (args, kwargs))
    if any(
        keras.backend.is_float_dtype(t.dtype) and t.dtype != layer.compute_dtype for t in inputs
    ):
        return None, "it casts its inputs"
    if layer._call_has_training_arg:
        kwargs.setdefault("training", False)
    try:
        function = Functional(inputs, layer.call(*args, **kwargs))
    except Exception as error:
        return None, f"its call can't be traced ({type(error).__name__})"
    if any(isinstance(leaf, keras.Variable) for leaf in _arguments(function)):
        return None, "its call reads weights directly"
    return function, ""


def _arguments(function: Functional) -> Iterator[Any]:
    for nodes in function._nodes_by_depth.values():
        for node in nodes:
            yield from keras.tree.flatten((node.arguments.args, node.arguments.kwargs))


def expand_root(model: keras.Model) -> Functional:
    """The graph of a subclassed model.

    Its inputs are those of its first symbolic call, else of the shapes it was built with: then
    floating, but integers where only an Embedding reads them.

    Raises:
        FoldError: its inputs are unknown or its call can't be traced.
    """
    if model._inbound_nodes:
        given = model._inbound_nodes[0].arguments.args[0]
        return _traced(model, keras.tree.map_structure(lambda t: _input(t.shape, t.dtype), given))
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise FoldError(f"model '{model.name}' has no recorded input shape; call it on data first")
    structure = next(iter(shapes.values())) if len(shapes) == 1 else shapes
    inputs = keras.tree.map_shape_structure(lambda s: _input(s, model.input_dtype), structure)
    function = _traced(model, inputs)
    tokens = [t for t in function._inputs if _only_embedded(function, t)]
    if not tokens:
        return function
    inputs = keras.tree.map_structure(
        lambda t: _input(t.shape, "int32") if any(t is token for token in tokens) else t, inputs
    )
    return _traced(model, inputs)


def _input(shape: Shape, dtype: str) -> keras.KerasTensor:
    return keras.Input(batch_shape=(None, *shape[1:]), dtype=dtype)


def _only_embedded(function: Functional, tensor: keras.KerasTensor) -> bool:
    nodes = [node for nodes in function._nodes_by_depth.values() for node in nodes]
    readers = [node.operation for node in nodes if any(t is tensor for t in node.input_tensors)]
    return bool(readers) and all(isinstance(r, keras.layers.Embedding | NotEqual) for r in readers)


def _traced(model: keras.Model, inputs: Any) -> Functional:
    arguments = {"training": False} if model._call_has_training_arg else {}
    try:
        return Functional(inputs, model.call(inputs, **arguments), name=model.name)
    except Exception as error:
        raise FoldError(
            f"the subclassed model '{model.name}' can't be traced ({error}); use Keras layers and "
            "keras.ops in its call, or rebuild it as a Functional model"
        ) from error
