"""One reading of a file or folder: what is checked, loaded and hashed is the same."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path
from shutil import disk_usage
from typing import Annotated

from msgspec import Meta, Struct

from export.base.errors import InputError
from export.base.files import files_in, folder_digest, size_of
from export.base.owned_directory import scratch_directory

CHUNK = 1 << 20
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, Meta(ge=0)]


class Source(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was read.

    Attributes:
        file: its name.
        sha256: hexadecimal.
        size: bytes.
        weights: the file of weights that came with an architecture.
    """

    file: str
    sha256: Sha256
    size: Size
    weights: "Source | None" = None


@dataclass(frozen=True)
class Copy:
    """A file or folder as it was when it was read.

    Attributes:
        path: of the copy, which has the same name.
        sha256: hexadecimal; of a folder as in `export.base.files.sha256`.
        size: bytes, of all files.
    """

    path: Path
    sha256: str
    size: int

    @property
    def source(self) -> Source:
        """What a manifest says about it."""
        return Source(self.path.name, self.sha256, self.size)


@contextmanager
def private_copy(path: Path) -> Iterator[Copy]:
    """A copy that nobody else writes to, in a directory that is gone when the block ends.

    Raises:
        InputError: it can't be read, a link in it leads out, or there is no space for the copy.
    """
    with scratch_directory() as directory:
        try:
            _refuse_links_and_lack_of_space(path, directory)
            copy = _copied(path, Path(directory, path.name))
        except OSError as error:
            raise InputError(
                f"can't copy {path.name} to read it ({error.strerror or error}); "
                "check the file and the space for temporary files"
            ) from error
        yield copy


def _refuse_links_and_lack_of_space(path: Path, directory: Path) -> None:
    home = Path(realpath(path))
    for file in path.rglob("*") if path.is_dir() else ():
        if file.is_symlink() and not Path(realpath(file)).is_relative_to(home):
            raise InputError(
                f"{path.name} holds {file.name!r}, a link that leads out of the folder; "
                "copy what it leads to into the folder if you trust it"
            )
    size, free = size_of(path), disk_usage(directory).free
    if size > free:
        raise InputError(
            f"{path.name} has {size} bytes, and {free} are free for temporary files; "
            "free some space or set TMPDIR to another place"
        )


def _copied(path: Path, target: Path) -> Copy:
    if not path.is_dir():
        return _copied_file(path, target)
    copies = {}
    for file in files_in(path):
        name = file.relative_to(path)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copies[name.as_posix()] = _copied_file(file, target / name)
    digest = folder_digest({name: copy.sha256 for name, copy in copies.items()})
    return Copy(target, digest, sum(copy.size for copy in copies.values()))


def _copied_file(path: Path, target: Path) -> Copy:
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("xb") as copy:
        while piece := source.read(CHUNK):
            digest.update(piece)
            copy.write(piece)
    return Copy(target, digest.hexdigest(), target.stat().st_size)
