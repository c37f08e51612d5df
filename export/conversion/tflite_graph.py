"""TensorFlow graph to TFLite; alone in importing the TFLite converter. Runs in the child."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def convert(
    graph: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    precision: str,
    calibration: Sequence[Sequence[np.ndarray]],
    integer_io: bool,
    allow_flex: bool,
) -> bytes:
    """Converts a graph whose weights are constants.

    Args:
        graph: serialised GraphDef.
        inputs: tensor names.
        outputs: tensor names.
        precision: "float32", "float16", "dynamic_int8" or "int8".
        calibration: representative inputs in order, for "int8".
        integer_io: whether inputs and outputs are int8 then.
        allow_flex: whether operators may be left to TensorFlow's own kernels.

    Returns:
        A flatbuffer without signature.
    """
    function = _function(graph, inputs, outputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    sets = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: map(list, calibration)
        sets = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, *sets]
    if integer_io:
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if allow_flex:
        sets.append(tf.lite.OpsSet.SELECT_TF_OPS)
    converter.target_spec.supported_ops = sets
    return bytes(converter.convert())


def _function(graph: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    graph_def = tf.compat.v1.GraphDef.FromString(graph)
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph_def, name=""), [])
    tensor = whole.graph.get_tensor_by_name
    return whole.prune([tensor(name) for name in inputs], [tensor(name) for name in outputs])
