"""TensorFlow graph to ONNX graph; the only file that imports tf2onnx. Runs in the child."""

import logging
from collections.abc import Sequence
from typing import Any
from unittest import mock

import tensorflow as tf
import tf2onnx
from tf2onnx import optimizer, tf_loader, tf_utils, tfonnx
from tf2onnx.rewriter import gemm_rewriter

from export.onnx_format.handlers.operator import UNREAD
from export.onnx_format.handlers.table import HANDLERS

MANY_AXES = 5


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
    tf2onnx.utils.INTERNAL_NAME = 1
    tf_utils.TF_IGNORED_NODE_ATTRS.update(UNREAD)
    feeds = [*inputs, *weights]
    reduced = _optimize(graph, feeds, list(outputs))
    _part_biases(reduced)
    factors = mock.patch.object(gemm_rewriter, "get_gemm_attr", _scalar_factors)
    with factors, tf.Graph().as_default() as graph_in:
        tf.import_graph_def(reduced, name="")
        converted = tfonnx.process_tf_graph(
            graph_in,
            opset=opset,
            input_names=feeds,
            output_names=list(outputs),
            custom_op_handlers=dict(HANDLERS),
        )
        _widen_scalars(converted)
        converted = optimizer.optimize_graph(converted, False, _optimizers(converted))
    return bytes(converted.make_model("", graph_name="model").SerializeToString())


def _optimize(graph: bytes, inputs: list[str], outputs: list[str]) -> Any:
    graph_def = tf.compat.v1.GraphDef.FromString(graph)
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        return tf_loader.tf_optimize(inputs, outputs, graph_def)


def _part_biases(graph: Any) -> None:
    """tf2onnx makes the bias that is added to a biased convolution a fourth input of it."""
    kinds = {node.name: node.op for node in graph.node}
    for node in graph.node:
        biased = node.op == "BiasAdd" and kinds.get(node.input[0].split(":")[0]) == "BiasAdd"
        if biased and node.attr["data_format"].s in (b"", b"NHWC"):
            node.op = "AddV2"
            del node.attr["data_format"]


_factors = gemm_rewriter.get_gemm_attr


def _scalar_factors(match: Any) -> tuple[dict[str, Any], bool]:
    """tf2onnx takes a factor of shape [1, n] for the number that a Gemm multiplies by."""
    attributes, valid = _factors(match)
    return attributes, valid and not any(isinstance(a, list) for a in attributes.values())


def _optimizers(graph: Any) -> dict[str, Any]:
    """All but two.

    One keeps any of equal nodes; `onnx_passes.duplicates` keeps the first. One tries every order of
    the axes of an Einsum, which takes minutes for six.
    """
    equations = [n.get_attr_str("equation") for n in graph.get_nodes() if n.type == "Einsum"]
    long = any(len(set(equation) - set(",->")) > MANY_AXES for equation in equations)
    left_out = {"merge_duplication", *(["einsum_optimizer"] if long else [])}
    known = optimizer._get_optimizers()
    return {name: kind for name, kind in known.items() if name not in left_out}


def _widen_scalars(graph: Any) -> None:
    """tf2onnx's transpose optimizer stumbles over scalars added behind a convolution."""
    for node in graph.get_nodes():
        if node.type == "Add" and graph.get_shape(node.output[0]):
            for operand in node.inputs:
                if operand.is_const() and operand.get_tensor_value(as_list=False).ndim == 0:
                    operand.set_tensor_value(operand.get_tensor_value(as_list=False).reshape(1))
