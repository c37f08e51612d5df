"""TensorFlow graph to TFLite; alone in importing the TFLite converter. Runs in the child."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from export.tflite_format.engine import SIGNATURE

Batches = Sequence[Sequence[np.ndarray]]

_graphs = itertools.count()


def convert(
    graph: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    weights: dict[str, np.ndarray],
    directory: Path,
    precisions: Sequence[str],
    calibration: Batches,
    integer_io: bool,
    allow_flex: bool,
) -> dict[str, bytes]:
    """Converts a graph, once for each precision.

    Args:
        graph: serialised GraphDef.
        inputs: tensor names.
        outputs: tensor names.
        weights: values of those weights that are not constants in the graph, by the name of their
            Placeholders. The converter copies constants 25 times, these seven times, but takes
            seconds longer over small ones.
        directory: an empty one, in which such weights are stored.
        precisions: "float32" or those of `REDUCTIONS`.
        calibration: representative inputs in order, where a precision needs some.
        integer_io: whether inputs and outputs are integers then.
        allow_flex: whether operators may be left to TensorFlow's own kernels.

    Returns:
        A flatbuffer for each precision; where it has a signature, the names in it sort as `inputs`
        and `outputs` are.
    """
    graph_def = tf.compat.v1.GraphDef.FromString(graph)
    _rename_functions(graph_def)
    if stored := bool(weights):
        _store(graph_def, inputs, outputs, weights, directory)
    else:
        function = _function(graph_def, inputs, outputs, {}).get_concrete_function()

    def converter() -> Any:
        if stored:
            return tf.lite.TFLiteConverter.from_saved_model(str(directory))
        return tf.lite.TFLiteConverter.from_concrete_functions([function])

    return {
        precision: _converted(converter(), precision, calibration, integer_io, allow_flex)
        for precision in precisions
    }


def _converted(
    converter: Any, precision: str, calibration: Batches, integer_io: bool, allow_flex: bool
) -> bytes:
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision in REDUCTIONS:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        REDUCTIONS[precision](converter, calibration)
    if integer_io and precision in PORTS:
        converter.inference_input_type = converter.inference_output_type = PORTS[precision]
    if allow_flex:
        converter.target_spec.supported_ops += [tf.lite.OpsSet.SELECT_TF_OPS]
    return bytes(converter.convert())


def _half(converter: Any, calibration: Batches) -> None:
    converter.target_spec.supported_types = [tf.float16]


def _dynamic(converter: Any, calibration: Batches) -> None:
    """What the converter does by itself when it may optimize."""


def _static(converter: Any, calibration: Batches) -> None:
    converter.representative_dataset = lambda: map(list, calibration)
    converter.target_spec.supported_ops.insert(0, tf.lite.OpsSet.TFLITE_BUILTINS_INT8)


def _wide(converter: Any, calibration: Batches) -> None:
    """Activations in 16 bits, weights in 8."""
    wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.representative_dataset = lambda: map(list, calibration)
    converter.target_spec.supported_ops.insert(0, wide)


PORTS = {"int8": tf.int8, "int16x8": tf.int16}
REDUCTIONS = {"float16": _half, "dynamic_int8": _dynamic, "int8": _static, "int16x8": _wide}


def _store(
    graph: Any,
    inputs: Sequence[str],
    outputs: Sequence[str],
    weights: dict[str, np.ndarray],
    directory: Path,
) -> None:
    """Writes a SavedModel; `weights` is emptied, so that each is held but once."""
    module = tf.Module()
    variables = {}
    for name in sorted(weights):
        variables[name] = tf.Variable(weights.pop(name), trainable=False)
    module.weights = list(variables.values())
    module.call = _function(graph, inputs, outputs, variables)
    tf.saved_model.save(module, str(directory), {SIGNATURE: module.call})


def _function(
    graph: Any, inputs: Sequence[str], outputs: Sequence[str], variables: Mapping[str, tf.Variable]
) -> Any:
    """The graph as a function; the names of its ports sort as they are ordered."""
    nodes = {node.name: node for node in graph.node}
    given = [nodes[name.split(":")[0]].attr for name in inputs]
    specs = [
        tf.TensorSpec(attr["shape"].shape, attr["dtype"].type, name=f"input_{index:04}")
        for index, attr in enumerate(given)
    ]

    def call(*feeds: tf.Tensor) -> dict[str, tf.Tensor]:
        read = {f"{name}:0": variable.read_value() for name, variable in variables.items()}
        results = tf.import_graph_def(
            graph,
            name="",
            input_map=dict(zip(inputs, feeds, strict=True)) | read,
            return_elements=list(outputs),
        )
        return {f"output_{index:04}": result for index, result in enumerate(results)}

    return tf.function(call, input_signature=specs, autograph=False)


def _rename_functions(graph: Any) -> None:
    """Gives functions names that this process never used: TensorFlow keeps all that it meets."""
    prefix = f"graph_{next(_graphs)}"
    functions = graph.library.function
    names = {each.signature.name: f"{prefix}_{index}" for index, each in enumerate(functions)}
    for function in functions:
        function.signature.name = names[function.signature.name]
    for node in (*graph.node, *(node for function in functions for node in function.node_def)):
        node.op = names.get(node.op, node.op)
        for attr in node.attr.values():
            for called in (attr.func, *attr.list.func):
                if called.name in names:
                    called.name = names[called.name]
