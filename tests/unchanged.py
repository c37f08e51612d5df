"""The law that no function of this project changes what a process has set, nor a given model."""

import os
import random
import sys
import tempfile
import warnings
from contextlib import contextmanager, suppress

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.saving import object_registration

PASSING = ("torch_device", "tracker")
"""Global attributes of Keras that are not settings."""


@contextmanager
def unchanged(*models):
    """Raises AssertionError when the block changes a setting, a seed or one of the models."""
    before = settings() | {f"model {i}": state_of(model) for i, model in enumerate(models)}
    yield
    after = settings() | {f"model {i}": state_of(model) for i, model in enumerate(models)}
    changed = {name: (value, after.get(name)) for name, value in before.items()
               if value != after.get(name)}  # fmt: skip
    assert not changed, changed


def settings():
    """Every setting and seed of Keras, TensorFlow, NumPy and Python that a library could touch."""
    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image data format": keras.config.image_data_format(),
        "dtype policy": keras.config.dtype_policy().get_config(),
        "attributes": _attributes(),
        "names": dict(global_state.get_global_attribute("object_name_uids") or {}),
        "custom objects": dict(object_registration.GLOBAL_CUSTOM_OBJECTS),
        "custom names": dict(object_registration.GLOBAL_CUSTOM_NAMES),
        "seed": _seed(),
        "random": hash(random.getstate()),
        "numpy": [str(part) for part in np.random.get_state()],
        "numpy errors": np.geterr(),
        "tensorflow": [
            tf.config.functions_run_eagerly(),
            tf.config.optimizer.get_jit(),
            tf.config.optimizer.get_experimental_options(),
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
            str(tf.random.get_global_generator().state.numpy()),
            tf.get_logger().level,
        ],
        "python": [tempfile.tempdir, sys.path[:], os.getcwd(), warnings.filters[:]],
        "environment": dict(os.environ),
        "limits": sys.getrecursionlimit(),
    }


def state_of(model):
    """What can be seen of a model: weights, states, seeds, flags, names, calls."""
    layers = model._flatten_layers()
    return {
        "variables": [(v.path, v.trainable, np.asarray(v).tobytes()) for v in model.variables],
        "layers": [
            (id(x), x.name, x.trainable, x.built, str(x.dtype_policy), getattr(x, "stateful", None))
            for x in layers
        ],
        "calls": [(len(x._inbound_nodes), len(x._outbound_nodes)) for x in layers],
        "attributes": [sorted(vars(x)) for x in layers],
        "config": _config(model),
        "losses": len(model.losses),
    }


def _config(model):
    """Not every class of others has one."""
    with suppress(NotImplementedError):
        return str(model.get_config())


def _attributes():
    own = vars(global_state.GLOBAL_STATE_TRACKER)
    return {
        key: value for key, value in own.items()
        if isinstance(value, bool | int | float | str) and key not in PASSING
    }  # fmt: skip


def _seed():
    generator = global_state.get_global_attribute("global_seed_generator")
    return None if generator is None else np.asarray(generator.state).tolist()
