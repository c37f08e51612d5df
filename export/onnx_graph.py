"""TensorFlow graph to ONNX graph; the only file that imports tf2onnx. Runs in the child."""

import logging
from collections.abc import Sequence
from typing import Any

import onnx
import tensorflow as tf
import tf2onnx
from tf2onnx import optimizer, tf_loader, tfonnx

OPSETS = range(13, 19)


def convert(
    graph: bytes, inputs: Sequence[str], outputs: Sequence[str], weights: Sequence[str], opset: int
) -> bytes:
    """Converts without weights.

    Args:
        graph: serialised GraphDef; weights that stay out are Placeholders.
        inputs: tensor names.
        outputs: tensor names.
        weights: names of those Placeholders' tensors; they come back as inputs of the ONNX graph.
        opset: ONNX operator set.

    Returns:
        A serialised ONNX model whose inputs and outputs are still called as in TensorFlow.
        Operators without a translation are left in it under their TensorFlow name.
    """
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    feeds = [*inputs, *weights]
    reduced = _optimize(graph, feeds, list(outputs))
    with tf.Graph().as_default() as graph_in:
        tf.import_graph_def(reduced, name="")
        converted = tfonnx.process_tf_graph(
            graph_in,
            opset=opset,
            input_names=feeds,
            output_names=list(outputs),
            custom_op_handlers={"Erfc": (_erfc, [])},
        )
        converted = optimizer.optimize_graph(converted, catch_errors=False)
    return converted.make_model("", graph_name="model").SerializeToString()


def _optimize(graph: bytes, inputs: list[str], outputs: list[str]) -> Any:
    graph_def = tf.compat.v1.GraphDef.FromString(graph)
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        return tf_loader.tf_optimize(inputs, outputs, graph_def)


def _erfc(context: Any, node: Any, name: str, args: Any) -> None:
    """Neither ONNX nor tf2onnx has the complementary error function: 1 - erf(x)."""
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
    shape = context.get_shape(node.output[0])
    one = context.make_const(tf2onnx.utils.make_name("one"), dtype(1).reshape(()))
    erf = context.make_node("Erf", list(node.input), name=tf2onnx.utils.make_name(name))
    output, types = list(node.output), [context.get_dtype(node.output[0])]
    context.remove_node(name)
    context.make_node(
        "Sub",
        [one.output[0], erf.output[0]],
        name=name,
        outputs=output,
        shapes=[shape],
        dtypes=types,
    )


def check(model: bytes) -> None:
    """Raises onnx.checker.ValidationError when the model breaks ONNX' rules."""
    onnx.checker.check_model(onnx.load_model_from_string(model), full_check=True)
