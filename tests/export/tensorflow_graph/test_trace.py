"""The traced graph computes what the model computes; weights and ports are known by name."""

import numpy as np
import pytest
import tensorflow as tf

from export.keras_model.prepare import prepare
from export.keras_model.run import run_model
from export.tensorflow_graph.large_weights import separable, size
from export.tensorflow_graph.trace import trace
from tests.export import zoo


@pytest.mark.parametrize(
    "maker", [zoo.several, zoo.attention, zoo.norms, zoo.odd_names, zoo.patches, zoo.upsampling]
)
def test_the_graph_computes_what_the_model_computes(maker):
    model = prepare(zoo.build(maker)).model
    traced, feeds = trace(model, None, "onnx"), zoo.feeds(model, 2)
    whole = traced.with_constants(traced.weights)
    function = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(whole, name=""), [])
    tensor = function.graph.get_tensor_by_name
    pruned = function.prune(
        [tensor(name) for name in traced.inputs], [tensor(name) for name in traced.outputs]
    )
    results = pruned(*map(tf.constant, feeds.values()))
    for result, truth in zip(results, run_model(model, feeds).values(), strict=True):
        np.testing.assert_allclose(result, truth, rtol=1e-5, atol=1e-6)


def test_weights_are_placeholders_with_the_names_of_keras():
    model = zoo.build(zoo.classifier)
    traced = trace(model, 3, "tflite")
    kinds = {node.name: node.op for node in traced.graph.node}
    assert {kinds[name] for name in traced.weights} == {"Placeholder"}
    assert set(traced.paths.values()) == {weight.path for weight in model.weights}


def test_the_model_is_as_it_was_afterwards():
    model = zoo.build(zoo.odd_names)
    names = [layer.name for layer in model.layers]
    trace(model, None, "tflite")
    assert [layer.name for layer in model.layers] == names
    assert not any("call" in vars(layer) for layer in model.layers)


def test_large_kernels_stay_out_of_the_converter():
    model = zoo.build(zoo.classifier)
    traced = trace(model, None, "onnx")
    apart = {traced.weights[name].size for name in separable(traced)}
    assert apart == {
        w.size
        for w in map(np.asarray, model.get_weights())
        if len(w.shape) > 1 and np.prod(w.shape) >= 1024
    }
    assert size(model) == 4 * model.count_params()
