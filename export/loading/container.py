"""Checks the ZIP archive of a `.keras` file from a stranger before anything is unpacked from it."""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from export.base.errors import InputError

MEMBERS = 10_000
RATIO = 100
FREE = 1 << 20
CHUNK = 1 << 20
REQUIRED = ("config.json", "metadata.json")
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError),
)


def check_container(path: Path) -> None:
    """Reads the whole archive once, in pieces, and unpacks nothing.

    Members have plain relative names, are regular files, are there once, together no more than
    100 times the size of the archive (plus 1 MiB), and match their checksums.

    Raises:
        InputError: the file is missing, empty, no archive, damaged, or one of the above is not so.
    """
    _check_file(path)
    try:
        with ZipFile(path) as archive:
            _check_members(archive.infolist(), path)
            for member in archive.infolist():
                for _ in _pieces(archive, member):
                    pass
    except BROKEN as error:
        raise _damaged(path, error) from error


def is_archive(path: Path) -> bool:
    """Whether a file ends as ZIP archives do, damaged ones too."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def member_names(path: Path) -> list[str]:
    """What an archive says that it holds.

    Raises:
        InputError: it is damaged.
    """
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except BROKEN as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} is not a valid .keras archive ({_line(error)}); it is damaged or was cut "
        "off, save or copy it again"
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a directory; give the .keras file of a model")
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save the model again")
    if not is_archive(path):
        raise InputError(
            f"{path.name} is not a .keras archive, or was cut off; save it with "
            "model.save('model.keras') or copy it again"
        )


def _check_members(members: list[ZipInfo], path: Path) -> None:
    names = [member.filename for member in members]
    if len(names) > MEMBERS or len(set(names)) < len(names):
        raise InputError(
            f"{path.name} has {len(names)} members, more than {MEMBERS} or repeated; "
            "it is not from Keras"
        )
    for member in members:
        _check_member(member, path)
    allowed = RATIO * path.stat().st_size + FREE
    declared = sum(member.file_size for member in members)
    if declared > allowed:
        raise InputError(
            f"{path.name} would expand to {declared} bytes, more than {RATIO} times its size; "
            "it looks like a decompression bomb, do not open it"
        )
    if missing := [name for name in REQUIRED if name not in names]:
        raise InputError(
            f"{path.name} has no {missing[0]}; it is an archive, but no Keras model, "
            "save it with model.save('model.keras')"
        )


def _check_member(member: ZipInfo, path: Path) -> None:
    name = PurePosixPath(member.filename)
    outside = name.is_absolute() or ".." in name.parts or set("\\:\0") & set(member.orig_filename)
    if outside:
        raise InputError(
            f"{path.name} holds {member.filename!r}, a name that leads out of the archive; "
            "it is not from Keras, do not open it"
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(
            f"{path.name} holds {member.filename!r}, a link or a device; "
            "it is not from Keras, do not open it"
        )


def _pieces(archive: ZipFile, member: ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as content:
        while piece := content.read(CHUNK):
            yield piece


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
