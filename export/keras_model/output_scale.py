"""The unit of an output: how large it is where it is large, whatever one example gives.

A sigmoid that is almost zero is right to a millionth of one, not of itself: ONNX Runtime's float32
sigmoid is 2e-4 off at 3e-4, relative to that (measured in 1.31).
"""

from typing import Any

import keras

from export.keras_model.ports import outputs
from fold.keras_graph.internals import history, nodes_of

SATURATING = {
    keras.activations.sigmoid,
    keras.activations.hard_sigmoid,
    keras.activations.softplus,
}
OPERATIONS = {"Sigmoid", "HardSigmoid", "Softplus"}
PASSING = {
    *("Concatenate", "Dropout", "Flatten", "GetItem", "Identity", "Permute", "Reshape"),
    *("Squeeze", "Transpose"),
}


def units(model: keras.Model) -> dict[str, float]:
    """1 for each output that a saturating activation makes, by name; others have none."""
    tensors = keras.tree.flatten(model.outputs)
    names = [port.name for port in outputs(model)]
    return {name: 1.0 for name, tensor in zip(names, tensors, strict=True) if _saturates(tensor)}


def _saturates(tensor: Any) -> bool:
    operation, node, index = history(tensor)
    if isinstance(operation, keras.Model):
        made = keras.tree.flatten(getattr(operation, "outputs", []))
        return index < len(made) and _saturates(made[index])
    activation = getattr(operation, "activation", None)
    if type(operation).__name__ in OPERATIONS or activation in SATURATING:
        return True
    linear = (
        isinstance(operation, keras.layers.Activation) and activation is keras.activations.linear
    )
    if type(operation).__name__ not in PASSING and not linear:
        return False
    return all(map(_saturates, nodes_of(operation)[node].input_tensors))
