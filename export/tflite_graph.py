"""TensorFlow graph to TFLite; alone in importing the TFLite converter. Runs in the child."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def convert(graph: bytes, inputs: Sequence[str], outputs: Sequence[str], allow_flex: bool) -> bytes:
    """Converts a graph whose weights are constants.

    Args:
        graph: serialised GraphDef.
        inputs: tensor names.
        outputs: tensor names.
        allow_flex: whether operators may be left to TensorFlow's own kernels.

    Returns:
        A flatbuffer without signature.
    """
    function = _function(graph, inputs, outputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if allow_flex:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
    return bytes(converter.convert())


def _function(graph: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    graph_def = tf.compat.v1.GraphDef.FromString(graph)
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph_def, name=""), [])
    tensor = whole.graph.get_tensor_by_name
    return whole.prune([tensor(name) for name in inputs], [tensor(name) for name in outputs])
