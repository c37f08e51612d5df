"""The same model under another dtype policy: float64 for the truth, float32 for conversion."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from fold.keras_graph.own_objects import own_objects
from fold.keras_graph.undisturbed import undisturbed

FLOATS = {"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"}


def at_dtype(model: keras.Model, dtype: str) -> keras.Model:
    """Rebuilds `model` with every floating dtype replaced; the weights are copied and cast.

    Args:
        model: a built Functional, Sequential or configurable subclassed model. It is not changed.
        dtype: "float32" or "float64".

    Returns:
        A new model of the same class with the same names; what was floating (mixed policies too)
        computes in `dtype`, integer inputs stay as they are. The functions of Lambda layers are
        the model's own.
    """
    own = own_objects(model)
    config = _replace(own.refer(model.get_config()), dtype)
    with keras.utils.custom_object_scope(own.objects), _policy(dtype), undisturbed():
        twin = type(model).from_config(config)
        if not twin.built:
            twin.build_from_config(model.get_build_config())
    twin.set_weights(model.get_weights())
    for layer in twin._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return twin


def _replace(config: Any, dtype: str, key: str = "") -> Any:
    if isinstance(config, dict):
        policy = str(config.get("class_name", "")).endswith("DTypePolicy")
        return {
            k: _replace_policy(v, dtype) if policy and k == "config" else _replace(v, dtype, k)
            for k, v in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_replace(v, dtype, key) for v in config)
    return dtype if "dtype" in key and config in FLOATS else config


def _replace_policy(config: Any, dtype: str) -> Any:
    return {k: dtype if v in FLOATS else v for k, v in config.items()}


@contextmanager
def _policy(dtype: str) -> Iterator[None]:
    """Layers that a composite layer creates in its constructor take the global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
