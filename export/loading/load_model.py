"""Opens a model that may come from a stranger; what is wrong with it is one clear line."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from msgspec.structs import replace

from export.base.error_text import sentence
from export.base.errors import ConversionError, InputError
from export.base.files import size_of
from export.loading.config import check_config, read_config
from export.loading.container import check_container
from export.loading.custom_objects import Custom, custom_objects
from export.loading.lambdas import replace_lambdas
from export.loading.legacy.convert import convert_old
from export.loading.private_copy import Source, private_copy
from export.loading.source import Kind, kind_of, refuse_empty
from export.processes.confined import call_confined

MEMORY = 4 << 30
SECONDS = 300
Reply = TypeVar("Reply")


def load_model(
    path: str | Path,
    custom: Sequence[str] = (),
    weights: str | Path | None = None,
    lambdas: Sequence[str] = (),
) -> Any:
    """Loads a Keras model after the archive, its configuration and its weights passed all checks.

    The archive is first loaded in a child process that may hold at most 4 GiB and 20 times the size
    of the file, and take 300 seconds: a file made to crash, to hang or to fill the memory ends that
    process and not this one. What Keras unpacks goes into a temporary directory that is gone when
    this returns, and no code from the file is run. A model of Keras 2, and an HDF5 file of Keras 3,
    is rebuilt in the child process; the archive that comes of it passes the same checks.

    Args:
        path: a `.keras` file of Keras 3 or 2, an `.h5` file, a SavedModel folder that Keras wrote,
            or the `.json` file of an architecture.
        custom: "module:attribute" of classes and functions outside Keras that the model needs.
            This imports the module: it runs that code.
        weights: the HDF5 file of weights that goes with an architecture.
        lambdas: "name=module:function" of functions in the place of the code in Lambda layers.
            This imports the module.

    Raises:
        InputError: there is no such file, it is damaged, or it holds something that is refused.
    """
    return open_model(path, custom, weights, lambdas)[0]


def open_model(
    path: str | Path,
    custom: Sequence[str] = (),
    weights: str | Path | None = None,
    lambdas: Sequence[str] = (),
) -> tuple[Any, Source]:
    """The model as `load_model` gives it, and what was read: name, hash and size.

    Each file is read once, into a copy that is checked, loaded and then gone: it may be replaced at
    any moment.
    """
    path = Path(path)
    allowed = custom_objects(custom, str(path.parent), lambdas)
    refuse_empty(path)
    with ExitStack() as stack:
        copy = stack.enter_context(private_copy(path))
        kind = kind_of(copy.path)
        _refuse_weights(path, kind, weights)
        separate = None if weights is None else stack.enter_context(private_copy(Path(weights)))
        origin = replace(copy.source, weights=separate.source if separate else None)
        return _load_kind(kind, copy.path, separate.path if separate else None, allowed), origin


def _load_kind(kind: Kind, path: Path, weights: Path | None, custom: Custom) -> Any:
    if kind is Kind.KERAS and not custom.lambdas:
        return _load_checked(path, custom)
    with TemporaryDirectory(prefix="fleras-") as scratch:
        archive = Path(scratch, f"{path.stem}.keras")
        if kind is Kind.KERAS:
            replace_lambdas(path, archive, custom)
        else:
            archive.write_bytes(_converted(kind, path, weights, custom))
        return _load_checked(archive, custom)


def _refuse_weights(path: Path, kind: Kind, weights: str | Path | None) -> None:
    """Raises InputError unless an architecture, and nothing else, comes with weights."""
    if kind is Kind.JSON and weights is None:
        raise InputError(f"{path.name} is an architecture without weights; add --weights FILE.h5")
    if kind is not Kind.JSON and weights is not None:
        raise InputError(f"{path.name} is {kind.value} with its own weights; leave out --weights")
    if weights is not None and not Path(weights).is_file():
        raise InputError(f"there is no file {weights}; check the name")


def _load_checked(path: Path, custom: Custom) -> Any:
    check_container(path)
    check_config(read_config(path), path.name, custom)
    with ThreadPoolExecutor(1) as pool:
        rehearsal = pool.submit(_rehearse, path, custom)
        import_module("keras")
        rehearsal.result()
    with TemporaryDirectory(prefix="fleras-") as scratch:
        model = _load(path, custom, scratch)
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
    _confined(path, rehearse, [path], custom)


def _converted(kind: Kind, path: Path, weights: Path | None, custom: Custom) -> bytes:
    given = None if weights is None else str(weights)
    files = [path, *([weights] if weights else [])]
    return _confined(path, convert_old, files, custom, kind=kind, weights=given)


def _confined(
    path: Path, function: Callable[..., Reply], files: Sequence[Path], custom: Custom, **more: Any
) -> Reply:
    """What a function of the file returns in a process that can read the files only."""
    settings = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    readable = (*(str(file.absolute()) for file in files), *custom.folders)
    try:
        return call_confined(
            f"loading {path.name}",
            function,
            limit=MEMORY + 20 * sum(size_of(file) for file in files),
            seconds=SECONDS,
            readable=(*readable, f"{settings}/keras.json"),
            path=str(path.absolute()),
            custom=custom,
            **more,
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
