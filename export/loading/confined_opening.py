"""The first opening of a stranger's file, in a process that can do no harm."""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from export.base.error_text import sentence
from export.base.errors import ConversionError, ExportError, InputError
from export.base.files import size_of
from export.base.owned_directory import scratch_directory
from export.loading.archive import load_archive
from export.loading.custom_objects import Custom
from export.loading.legacy.convert import convert_old
from export.loading.source import Kind
from export.processes.confined import call_confined
from export.processes.worker_process import Failed

MEMORY = 4 << 30
SECONDS = 300
Reply = TypeVar("Reply")


def rehearse(path: Path, custom: Custom) -> None:
    """Loads a `.keras` file there and forgets it.

    Raises:
        InputError: it can't be loaded, or not with the memory and in the time it may take.
    """
    _confined(path, load_and_forget, [path], custom)


def load_and_forget(path: str, custom: Custom, scratch: str) -> None:
    """Called in the confined process."""
    from export.loading.stored_weights import check_weights

    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]  # Keras does without
    check_weights(Path(path))
    load_archive(Path(path), custom, scratch)


def convert(path: Path, kind: Kind, weights: Path | None, custom: Custom, trust: bool) -> bytes:
    """The `.keras` archive that an old file becomes, there; in this process where it is trusted.

    Raises:
        InputError: see `rehearse`.
    """
    arguments: dict[str, Any] = {"kind": kind, "weights": None if weights is None else str(weights)}
    if not trust:
        files = [path, *([weights] if weights else [])]
        return _confined(path, convert_and_rehearse, files, custom, **arguments)
    with scratch_directory() as directory:
        try:
            return convert_old(str(path), custom, **arguments, scratch=str(directory))
        except ExportError:
            raise
        except Exception as error:
            raise _unreadable(path, type(error).__name__, str(error)) from error


def convert_and_rehearse(custom: Custom, scratch: str, **arguments: Any) -> bytes:
    """Called in the confined process."""
    archive = convert_old(custom=custom, scratch=scratch, **arguments)
    path = Path(scratch, "rehearsal.keras")
    path.write_bytes(archive)
    with TemporaryDirectory(dir=scratch) as other:
        load_archive(path, custom, other)
    return archive


def _confined(
    path: Path, function: Callable[..., Reply], files: Sequence[Path], custom: Custom, **more: Any
) -> Reply:
    """What a function of the file returns in a process that can read the files only.

    Keras is imported here meanwhile.
    """
    settings = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    readable = (*(str(file.absolute()) for file in files), *custom.folders)
    request = partial(
        call_confined,
        f"loading {path.name}",
        function,
        limit=MEMORY + 20 * sum(size_of(file) for file in files),
        seconds=SECONDS,
        readable=(*readable, f"{settings}/keras.json"),
        path=str(path.absolute()),
        custom=custom,
        **more,
    )
    try:
        with ThreadPoolExecutor(1) as pool:
            reply = pool.submit(request)
            import keras  # noqa: F401

            return reply.result()
    except Failed as error:
        raise _unreadable(path, error.kind, str(error)) from error
    except ConversionError as error:
        raise InputError(str(error)) from error


def _unreadable(path: Path, kind: str, text: str) -> InputError:
    return InputError(
        f"{path.name} can't be read ({kind}: {sentence(text)}); it is damaged, "
        "made by another program, or too large, save it again"
    )
