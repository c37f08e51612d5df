"""Finds the Keras layer that a failed conversion is about, by converting ever shorter prefixes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import keras

from export.base.error_text import sentence
from export.base.errors import ConversionError, ExportError, InputError, OutOfMemory, OutOfTime
from export.base.owned_directory import scratch_directory
from export.base.system_limits import system_limit
from export.processes.memory import available
from export.processes.worker_process import Failed
from export.tensorflow_graph.large_weights import size

COPIES = 7
"""How often the converters hold the weights of a large model at once."""

CANNOT = "can't be converted"
ADVICE = "; replace it by other layers"
DIGITS = re.compile(r"\d+")

Attempt = Callable[[keras.Model], object]
Result = TypeVar("Result")


def write_or_blame(
    model: keras.Model, path: Path, write: Callable[[keras.Model, Path], Result]
) -> Result:
    """Calls `write(model, path)`; what goes wrong becomes one line that names a layer.

    No layer is looked for when time ran out, or memory for a model whose weights account for that,
    and none is to blame where a model that only hands on its inputs fails in the same way.

    Raises:
        InputError: as `write` did, or the machine lacks space, files or memory.
        ExportError: of the kind that `write` raised, else a ConversionError.
    """
    try:
        return _one_line(write, model, path)
    except (InputError, OutOfTime):
        raise
    except ExportError as error:
        if isinstance(error, OutOfMemory) and COPIES * size(model) > available():
            raise
        with scratch_directory() as directory:
            spare = Path(directory) / path.name
            raise blamed(error, model, lambda part: _one_line(write, part, spare)) from error


def _one_line(
    write: Callable[[keras.Model, Path], Result], model: keras.Model, path: Path
) -> Result:
    """Whatever Keras, TensorFlow or the converter raises is an error of the conversion."""
    try:
        return write(model, path)
    except Exception as error:
        if isinstance(error, ExportError) and not isinstance(error, Failed):
            raise
        if lack := system_limit(error):
            raise InputError(
                f"can't be converted on this machine now: {lack}; free that and try again"
            ) from error
        text = sentence(str(error)) or type(error).__name__
        raise ConversionError(f"{CANNOT}: {text.rstrip('.')}{ADVICE}") from error


def blamed(error: ExportError, model: keras.Model, attempt: Attempt) -> ExportError:
    """The same error; with a layer in front where one is responsible.

    Args:
        error: what the conversion of the whole model raised.
        model: Functional or Sequential.
        attempt: converts and checks a model; raises ExportError when that fails.
    """
    without_layers = _identity(model)
    if without_layers is not None and _failure(without_layers, attempt) == _likeness(error):
        text = str(error).removesuffix(ADVICE)
        return type(error)(f"{text}; so fails a model without layers: look at the options")
    return with_layer(error, model, attempt)


def with_layer(error: ExportError, model: keras.Model, attempt: Attempt) -> ExportError:
    """The same error with the name of the responsible layer in front.

    Args:
        error: what the conversion of the whole model raised.
        model: Functional or Sequential.
        attempt: converts and checks a model; raises ExportError when that fails.
    """
    layer = culprit(model, lambda part: _fails(part, attempt))
    if layer is None:
        return error
    found = type(error)(f"layer {layer.name!r} ({type(layer).__name__}): {error}")
    found.layer, found.comparison = layer.name, error.comparison
    return found


def culprit(model: keras.Model, fails: Callable[[keras.Model], bool]) -> Any:
    """The first operation, in the order of execution, with which a prefix of the model fails.

    Looks into nested models. None when that can't be told, for example when only the whole fails.
    """
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        return None
    nodes = _in_order(graph)
    low, high = 0, len(nodes)
    while low < high:
        middle = (low + high) // 2
        part = _prefix(graph, nodes[: middle + 1])
        low, high = (low, middle) if part is not None and fails(part) else (middle + 1, high)
    if low == len(nodes):
        return None
    operation = nodes[low].operation
    inner = culprit(operation, fails) if isinstance(operation, keras.Model) else None
    return inner or operation


def _in_order(graph: Any) -> list[Any]:
    depths = sorted(graph._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in graph._nodes_by_depth[depth]]
    return [node for node in nodes if not node.is_input]


def _prefix(graph: Any, nodes: list[Any]) -> keras.Model | None:
    """A model of these nodes, whose outputs are all tensors that none of them reads."""
    read = {id(tensor) for node in nodes for tensor in node.input_tensors}
    ends = [tensor for node in nodes for tensor in node.outputs if id(tensor) not in read]
    starts = [tensor for tensor in graph.inputs if id(tensor) in read]
    try:
        return keras.Model(starts, ends, name=graph.name)
    except (ValueError, TypeError, KeyError):
        return None


def _identity(model: keras.Model) -> keras.Model | None:
    graph = getattr(model, "_functional", None) or model
    try:
        starts = list(graph.inputs)
        return keras.Model(starts, [keras.layers.Identity()(tensor) for tensor in starts])
    except (ValueError, TypeError, AttributeError):
        return None


def _fails(model: keras.Model, attempt: Attempt) -> bool:
    return _failure(model, attempt) is not None


def _failure(model: keras.Model, attempt: Attempt) -> tuple[type, str] | None:
    try:
        attempt(model)
    except ExportError as error:
        return _likeness(error)
    except Exception:
        return None
    return None


def _likeness(error: ExportError) -> tuple[type, str]:
    """Alike are errors of one kind that differ in numbers alone."""
    return type(error), DIGITS.sub("0", str(error))
