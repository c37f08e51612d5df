"""Opens a `.keras` file that may come from a stranger; what is wrong with it is one clear line."""

import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from export.base.error_text import sentence
from export.base.errors import ConversionError, InputError
from export.loading.config import check_config, read_config
from export.loading.container import check_container
from export.loading.custom_objects import Custom, custom_objects
from export.processes.confined import call_confined

MEMORY = 4 << 30
SECONDS = 300


def load_model(path: str | Path, custom: Sequence[str] = ()) -> Any:
    """Loads a Keras model after the archive, its configuration and its weights passed all checks.

    The archive is first loaded in a child process that may hold at most 4 GiB and 20 times the size
    of the file, and take 300 seconds: a file made to crash, to hang or to fill the memory ends that
    process and not this one. What Keras unpacks goes into a temporary directory that is gone when
    this returns, and no code from the file is run.

    Args:
        path: a `.keras` file.
        custom: "module:attribute" of classes and functions outside Keras that the model needs.
            This imports the module: it runs that code.

    Raises:
        InputError: there is no such file, it is damaged, or it holds something that is refused.
    """
    path = Path(path)
    allowed = custom_objects(custom, str(path.parent))
    check_container(path)
    check_config(read_config(path), path.name, allowed)
    with ThreadPoolExecutor(1) as pool:
        rehearsal = pool.submit(_rehearse, path, allowed)
        import_module("keras")
        rehearsal.result()
    with TemporaryDirectory(prefix="fleras-") as scratch:
        model = _load(path, allowed, scratch)
    if not getattr(model, "built", False):
        raise InputError(
            f"the model in {path.name} was never built; call it once on example data before saving"
        )
    return model


def rehearse(path: str, custom: Custom, scratch: str) -> None:
    """Loads the file and forgets it; called in the child process."""
    from export.loading.stored_weights import check_weights

    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]  # Keras does without
    check_weights(Path(path))
    _load(Path(path), custom, scratch)


def _rehearse(path: Path, custom: Custom) -> None:
    settings = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    try:
        call_confined(
            f"loading {path.name}",
            rehearse,
            limit=MEMORY + 20 * path.stat().st_size,
            seconds=SECONDS,
            readable=(str(path.absolute()), *custom.folders, f"{settings}/keras.json"),
            path=str(path.absolute()),
            custom=custom,
        )
    except ConversionError as error:
        raise InputError(str(error)) from error


def _load(path: Path, custom: Custom, scratch: str) -> Any:
    """Keras unpacks beside the file, or where temporary files go: both are `scratch` here."""
    import keras

    import fleras  # noqa: F401  registers the project's layer

    objects = custom.objects()
    link, before = Path(scratch, path.name), tempfile.tempdir
    link.symlink_to(path.absolute())
    tempfile.tempdir = scratch
    try:
        with custom.code_allowed():
            return keras.models.load_model(link, custom_objects=objects, compile=False)
    except Exception as error:
        line = sentence(str(error)) or type(error).__name__
        raise InputError(
            f"Keras can't load {path.name}: {line}; save it again with Keras {keras.__version__}"
        ) from error
    finally:
        tempfile.tempdir = before
