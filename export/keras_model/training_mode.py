"""What a model does otherwise while it is trained, and which of its calls ask for that always.

Keras obeys `training=True` of a call only where the model is called without that argument; in
`predict`, as in a file, everything is in inference mode.
"""

import keras

from fold.keras_graph.internals import all_layers, nodes_of

RATES = ("rate", "dropout", "recurrent_dropout", "stddev", "drop_rate")
STATISTICS = "moving_mean"


def overridden(model: keras.Model) -> list[str]:
    """Names of what is called with `training=True` and is something else at inference.

    Looks into nested models.
    """
    parts = [part for part in all_layers(model) if hasattr(part, "operations")]
    calls = [
        (operation, node)
        for part in parts
        for operation in part.operations
        for node in nodes_of(operation)
    ]
    found = [
        operation.name
        for operation, node in calls
        if node.arguments.kwargs.get("training") is True
        and any(_differs(layer) for layer in all_layers(operation))
    ]
    return list(dict.fromkeys(found))


def _differs(layer: keras.Layer) -> bool:
    """A batch norm, noise, or a layer of someone else's that asks whether it is trained."""
    if not type(layer).__module__.startswith("keras."):
        return bool(getattr(layer, "_call_has_training_arg", False))
    values = [getattr(layer, name, 0) for name in RATES]
    return hasattr(layer, STATISTICS) or any(isinstance(v, int | float) and v > 0 for v in values)
