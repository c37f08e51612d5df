"""From a Keras model to a TensorFlow graph whose inputs, outputs and weights are known by name."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from export.base.errors import ConversionError
from export.keras_model.ports import arrange, inputs
from export.keras_patches.layers import traceable
from export.tensorflow_graph.narrow_indices import narrow

JIT = ("_XlaMustCompile", "_noinline", "_input_shapes")


@dataclass(frozen=True)
class Traced:
    """A graph without variables.

    Attributes:
        graph: a TensorFlow GraphDef; each weight is a Placeholder.
        inputs: tensor names, in the order of the model's inputs.
        outputs: tensor names, in the order of the model's outputs.
        weights: value of each weight by the name of its node.
        paths: what Keras calls each weight, by the name of its node.
    """

    graph: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: dict[str, np.ndarray]
    paths: dict[str, str]

    def with_constants(self, names: Iterable[str]) -> Any:
        """A copy of the graph in which the weights called `names` are constants."""
        graph = type(self.graph)()
        graph.CopyFrom(self.graph)
        chosen = set(names)
        for node in graph.node:
            if node.name in chosen:
                _make_constant(node, self.weights[node.name])
        return graph


def trace(model: keras.Model, batch: int | None, target: str) -> Traced:
    """Runs `model` symbolically in inference mode.

    Args:
        model: with known inputs.
        batch: fixed batch size; None leaves it free.
        target: name of the format.
    """
    variables = {id(variable): variable for variable in model.variables}.values()
    ports = inputs(model)
    given = [
        tf.TensorSpec((batch, *port.shape[1:]), port.dtype, name=f"input_{port.index}")
        for port in ports
    ]
    specs = [tf.TensorSpec(v.shape, v.dtype, name=f"weight_{i}") for i, v in enumerate(variables)]

    def call(feeds: list[tf.Tensor], weights: list[tf.Tensor]) -> list[tf.Tensor]:
        state = list(zip(variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=state), traceable(model, target):
            result = model(arrange(model, feeds), training=False)
        return [tf.identity(tensor) for tensor in keras.tree.flatten(result)]

    concrete = tf.function(call, autograph=False).get_concrete_function(given, specs)
    _refuse_tables(concrete.graph)
    values = [(variable.path, variable.numpy()) for variable in variables]
    return _without_captures(concrete, len(given), values)


def _without_captures(concrete: Any, count: int, values: list[tuple[str, np.ndarray]]) -> Traced:
    """Turns what the function captured from outside into weights too."""
    if any(tensor.dtype == tf.resource for tensor, _ in concrete.graph.captures):
        concrete = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    captures = [
        (inner.op.name, outer.numpy())
        for outer, inner in concrete.graph.captures
        if outer.dtype != tf.resource
    ]
    nodes = [tensor.op.name for tensor in concrete.inputs[count : count + len(values)]]
    weights = dict(zip(nodes, (value for _, value in values), strict=False)) | dict(captures)
    paths = dict(zip(nodes, (path for path, _ in values), strict=False))
    return Traced(
        _plain(concrete.graph.as_graph_def(add_shapes=True)),
        tuple(tensor.name for tensor in concrete.inputs[:count]),
        tuple(tensor.name for tensor in concrete.outputs),
        weights,
        paths | {name: name for name, _ in captures},
    )


def _refuse_tables(graph: Any) -> None:
    if any(operation.type.startswith("LookupTable") for operation in graph.get_operations()):
        raise ConversionError(
            "looks values up in a table, which neither format can hold; look them up before the "
            "model, as in a tf.data pipeline"
        )


def _plain(graph: Any) -> Any:
    """Lets the converters see through functions, keeps loops whole, gives indices in int32.

    Keras wraps grouped convolutions in functions for XLA, which the converters can't enter.
    """
    functions = graph.library.function
    for holder in (*graph.node, *functions):
        if "_XlaMustCompile" in holder.attr:
            for name in JIT:
                holder.attr.pop(name, None)
    for node in (*graph.node, *(node for function in functions for node in function.node_def)):
        node.attr.pop("_lower_using_switch_merge", None)
    graph.node.extend(narrow(graph.node))
    for function in functions:
        function.node_def.extend(narrow(function.node_def))
    return graph


def _make_constant(node: Any, value: np.ndarray) -> None:
    dtype = node.attr["dtype"].type
    node.op = "Const"
    node.attr.clear()
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
