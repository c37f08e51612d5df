"""A model, or the path of one."""

from pathlib import Path
from typing import Any

from export.base.errors import InputError


def model_of(given: Any, trust: bool = False) -> Any:
    """The model itself, or what the `.keras` file at this path holds, see `load_model`.

    Raises:
        InputError: neither a Keras model nor a path, or the file can't be read.
    """
    import keras

    if isinstance(given, str | Path):
        from export.loading.load_model import load_model

        return load_model(Path(given), trust=trust)
    if not isinstance(given, keras.Model):
        kind = type(given).__name__
        raise InputError(
            f"a value of type {kind} is no Keras model; give one, or the path of a .keras file"
        )
    return given
