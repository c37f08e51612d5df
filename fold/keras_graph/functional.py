"""Any model as a functional one: the only place that decides what a subclassed model reads."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.numpy import Equal, NotEqual

from fold.affine import FoldError
from fold.keras_graph.copy_layers import LayerCopies
from fold.keras_graph.graph import Graph, Value
from fold.keras_graph.read import function_of, read_graph

READERS_OF_TOKENS = (keras.layers.Embedding, Equal, NotEqual)
Arguments = dict[str, Any]  # argument of `call` -> a structure of Value


def as_functional(model: keras.Model, input_signature: Any = None) -> keras.Model:
    """The model itself if its graph is known, else a functional model with a copy of it inside.

    A subclassed model's inputs are those of `input_signature`, else of its first symbolic call,
    else of the shapes that it was built with: then floating, but int32 where only an Embedding
    reads them. They are called by the keys of a dictionary, by the parameters of `call` if it has
    several, and `input`, `input_1`, ... if they come in a list.

    Args:
        model: a built model; it is not changed.
        input_signature: a structure of `keras.KerasTensor` or `keras.InputSpec` for the argument
            of `call`; if it takes several, a list with an entry for each.

    Raises:
        FoldError: the model was never built, its inputs are unknown or it can't be traced.
    """
    if not model.built:
        raise FoldError(
            f"model '{model.name}' was never built; call it on data or build(input_shape) first"
        )
    if function_of(model) is not None:
        return model
    arguments, exact = _arguments(model, input_signature)
    function = _wrapped(model, arguments)
    tokens = set() if exact else _tokens(function)
    if not tokens:
        return function
    flat = keras.tree.flatten(arguments)
    values = [replace(v, dtype="int32") if i in tokens else v for i, v in enumerate(flat)]
    return _wrapped(model, keras.tree.pack_sequence_as(arguments, values))


def _arguments(model: keras.Model, signature: Any) -> tuple[Arguments, bool]:
    """What `call` is given, in the order of its parameters, and whether the dtypes are known."""
    names = _parameters(model)
    if signature is not None:
        several = len(names) > 1 and isinstance(signature, list | tuple)
        given = list(signature) if several else [signature]
        return dict(zip(names, keras.tree.map_structure(_value, given), strict=False)), True
    if isinstance(model, Functional):
        return {next(iter(names)): keras.tree.map_structure(_value, model._inputs_struct)}, True
    if model._inbound_nodes:
        node = model._inbound_nodes[0].arguments
        called = dict(zip(names, node.args, strict=False)) | node.kwargs
        tensors = {k: v for k, v in called.items() if _holds_tensors(v)}
        return keras.tree.map_structure(_value, tensors), True
    return _built_with(model, names), False


def _parameters(model: keras.Model) -> dict[str, bool]:
    """The parameters of `call` that take tensors, and whether each must be given."""
    parameters = inspect.signature(model.call).parameters.values()
    return {
        p.name: p.default is p.empty
        for p in parameters
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in ("training", "mask")
    }


def _value(tensor: Any) -> Value:
    dtype = keras.backend.standardize_dtype(tensor.dtype or keras.config.floatx())
    return Value((None, *tensor.shape[1:]), dtype)


def _holds_tensors(argument: Any) -> bool:
    leaves = keras.tree.flatten(argument)
    return bool(leaves) and all(isinstance(leaf, keras.KerasTensor) for leaf in leaves)


def _built_with(model: keras.Model, names: dict[str, bool]) -> Arguments:
    shapes = model.get_build_config() or {}
    shapes = shapes.get("shapes_dict", shapes)
    if not shapes or sum(names.values()) > len(shapes):
        raise FoldError(
            f"the inputs of model '{model.name}' are not known; give `input_signature`, a "
            f"keras.InputSpec for each of: {', '.join(names)}"
        )
    values = keras.tree.map_shape_structure(
        lambda shape: Value((None, *shape[1:]), model.input_dtype), list(shapes.values())
    )
    keys = [key.removesuffix("_shape") for key in shapes]
    return dict(zip(keys if set(keys) <= set(names) else names, values, strict=False))


def _wrapped(model: keras.Model, arguments: Arguments) -> Functional:
    """A functional model of one layer, a copy of the model."""
    inputs = _inputs(arguments)
    (_, first), *others = inputs.items()
    try:
        outputs = LayerCopies().copy(model)(first, **dict(others))
        given = first if not others else list(inputs.values())
        return Functional(given, outputs, name=model.name)
    except Exception as error:
        raise FoldError(
            f"the subclassed model '{model.name}' can't be traced ({error}); use Keras layers and "
            "keras.ops in its call, or rebuild it as a Functional model"
        ) from error


def _inputs(arguments: Arguments) -> Arguments:
    several = len(arguments) > 1
    names: list[str] = []

    def enter(path: tuple[Any, ...], value: Value) -> keras.KerasTensor:
        keys = [str(key) for key in (path if several else path[1:]) if isinstance(key, str)]
        name = "_".join(keys) or "input"
        names.append(name if name not in names else f"{name}_{len(names)}")
        return keras.Input(batch_shape=value.shape, dtype=value.dtype, name=names[-1])

    entries: Arguments = _with_paths(arguments, enter)
    return entries


def _with_paths(structure: Any, function: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(structure, dict):
        return {k: _with_paths(v, function, (*path, k)) for k, v in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(
            _with_paths(v, function, (*path, i)) for i, v in enumerate(structure)
        )
    return function(path, structure)


def _tokens(function: Functional) -> set[int]:
    """Positions of the inputs that only an Embedding reads."""
    graph = read_graph(function, frozenset(), prove=False)
    return {i for i, value in enumerate(graph.input_values) if _only_embedded(graph, value)}


def _only_embedded(graph: Graph, value: Value) -> bool:
    readers = graph.read_by(value)
    return bool(readers) and all(isinstance(r.operation, READERS_OF_TOKENS) for r in readers)
