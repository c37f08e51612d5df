"""Leaves a model and the global state of Keras as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

NAMES = "object_name_uids"


@contextmanager
def undisturbed(*models: keras.Model) -> Iterator[None]:
    """Takes back what running or building models leaves: names counted and seeds drawn.

    Of the given models also the calls recorded in their layers, and their states.
    """
    layers = [layer for model in models for layer in model._flatten_layers()]
    before = [(len(x._inbound_nodes), len(x._outbound_nodes)) for x in layers]
    names, state = global_state.get_global_attribute(NAMES), random.getstate()
    counters = dict(names or {})
    fixed = [v for model in models for v in model.variables if not v.trainable]
    states = [(v, tf.identity(v.value)) for v in fixed]
    try:
        yield
    finally:
        for layer, (inbound, outbound) in zip(layers, before, strict=True):
            del layer._inbound_nodes[inbound:]
            del layer._outbound_nodes[outbound:]
        for variable, value in states:
            if not np.array_equal(variable.numpy(), value.numpy()):
                variable.assign(value)
        random.setstate(state)
        names = global_state.get_global_attribute(NAMES)
        if names is not None:
            names.clear()
            names.update(counters)
