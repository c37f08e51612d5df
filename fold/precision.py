"""The same model under another dtype policy: float64 for the truth, float32 for conversion."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

FLOATS = {"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"}


def at_dtype(model: keras.Model, dtype: str) -> keras.Model:
    """Rebuilds `model` with every floating dtype replaced; the weights are copied and cast.

    Args:
        model: a built Functional, Sequential or configurable subclassed model. It is not changed.
        dtype: "float32" or "float64".

    Returns:
        A new model of the same class with the same names; what was floating (mixed policies too)
        computes in `dtype`, integer inputs stay as they are.
    """
    config = _replace(model.get_config(), dtype)
    with keras.utils.custom_object_scope(own_classes(model)), _policy(dtype):
        twin = type(model).from_config(config)
        if not twin.built:
            twin.build_from_config(model.get_build_config())
    twin.set_weights(model.get_weights())
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


def own_classes(model: keras.Model) -> dict[str, type]:
    """Classes that Keras can't find by itself: those defined outside it, by name."""
    classes = {type(layer) for layer in model._flatten_layers()}
    return {c.__name__: c for c in classes if not c.__module__.startswith("keras.")}


@contextmanager
def _policy(dtype: str) -> Iterator[None]:
    """Layers that a composite layer creates in its constructor take the global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
