"""The law that nothing of a given model, nor of Keras' global state, ever changes."""

import random
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state


@contextmanager
def unchanged(model):
    before = state_of(model)
    yield
    after = state_of(model)
    for name, value in before.items():
        assert value == after[name], f"{name} changed"


def state_of(model):
    """What can be seen of a model: weights, states, seeds, flags, names, calls; and of Keras."""
    layers = model._flatten_layers()
    return {
        "variables": [(v.path, v.trainable, np.asarray(v).tobytes()) for v in model.variables],
        "layers": [(id(x), x.name, x.trainable, x.built, str(x.dtype_policy)) for x in layers],
        "calls": [(len(x._inbound_nodes), len(x._outbound_nodes)) for x in layers],
        "attributes": [sorted(vars(x)) for x in layers],
        "losses": len(model.losses),
        "random": random.getstate(),
        "numpy": np.random.get_state()[1].tobytes(),
        "policy": keras.config.dtype_policy().name,
        "names": dict(global_state.get_global_attribute("object_name_uids") or {}),
        "objects": dict(keras.saving.get_custom_objects()),
    }
