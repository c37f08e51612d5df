"""Opens a model that may come from a stranger; what is wrong with it is one clear line."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from export.base.errors import InputError
from export.base.owned_directory import scratch_directory
from export.loading.archive import load_archive
from export.loading.config import check_config, read_config
from export.loading.confined_opening import convert, rehearse
from export.loading.container import check_container
from export.loading.custom_objects import Custom, custom_objects
from export.loading.lambdas import replace_lambdas
from export.loading.private_copy import Source, private_copy
from export.loading.source import Kind, kind_of, refuse_empty


def load_model(
    path: str | Path,
    custom: Sequence[str] = (),
    weights: str | Path | None = None,
    lambdas: Sequence[str] = (),
    trust: bool = False,
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
        trust: the file is the user's own: it is checked, but not opened in the child process first.

    Raises:
        InputError: there is no such file, it is damaged, or it holds something that is refused.
    """
    return open_model(path, custom, weights, lambdas, trust)[0]


def open_model(
    path: str | Path,
    custom: Sequence[str] = (),
    weights: str | Path | None = None,
    lambdas: Sequence[str] = (),
    trust: bool = False,
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
        given = separate.path if separate else None
        return _load_kind(kind, copy.path, given, allowed, trust), origin


def _load_kind(kind: Kind, path: Path, weights: Path | None, custom: Custom, trust: bool) -> Any:
    if kind is Kind.KERAS and not custom.lambdas:
        return _load_checked(path, custom, trust)
    with scratch_directory() as directory:
        archive = Path(directory, f"{path.stem}.keras")
        if kind is Kind.KERAS:
            replace_lambdas(path, archive, custom)
        else:
            archive.write_bytes(convert(path, kind, weights, custom, trust))
        check_container(archive)
        return _load_checked(archive, custom, trust or kind is not Kind.KERAS)


def _refuse_weights(path: Path, kind: Kind, weights: str | Path | None) -> None:
    """Raises InputError unless an architecture, and nothing else, comes with weights."""
    if kind is Kind.JSON and weights is None:
        raise InputError(f"{path.name} is an architecture without weights; add --weights FILE.h5")
    if kind is not Kind.JSON and weights is not None:
        raise InputError(f"{path.name} is {kind.value} with its own weights; leave out --weights")
    if weights is not None and not Path(weights).is_file():
        raise InputError(f"there is no file {weights}; check the name")


def _load_checked(path: Path, custom: Custom, opened: bool) -> Any:
    """An archive whose members were checked; `opened`: its weights were too, or need not be."""
    check_config(read_config(path), path.name, custom)
    if not opened:
        rehearse(path, custom)
    with scratch_directory() as directory:
        model = load_archive(path, custom, str(directory))
    if not getattr(model, "built", False):
        raise InputError(
            f"the model in {path.name} was never built; call it once on example data before saving"
        )
    return model
