"""Lets Keras load an archive that was checked."""

import tempfile
from pathlib import Path
from typing import Any

from export.base.error_text import sentence
from export.base.errors import InputError
from export.base.system_limits import system_limit
from export.loading.custom_objects import Custom


def load_archive(path: Path, custom: Custom, scratch: str) -> Any:
    """The model in a `.keras` file of Keras 3.

    Keras unpacks beside the file, or where temporary files go: both are `scratch` here.

    Raises:
        InputError: Keras can't load it.
    """
    import keras

    import fleras  # noqa: F401  registers the project's layer
    from fold.keras_graph.undisturbed import undisturbed

    objects = custom.objects()
    link, before = Path(scratch, path.name), tempfile.tempdir
    link.symlink_to(path.absolute())
    tempfile.tempdir = scratch
    try:
        with custom.code_allowed(), undisturbed():
            return keras.models.load_model(link, custom_objects=objects, compile=False)
    except Exception as error:
        if lack := system_limit(error):
            raise InputError(f"can't load {path.name} on this machine now: {lack}") from error
        line = sentence(str(error)) or type(error).__name__
        raise InputError(
            f"Keras can't load {path.name}: {line}; save it again with Keras {keras.__version__}"
        ) from error
    finally:
        tempfile.tempdir = before
