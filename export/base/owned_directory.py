"""Directories for work in progress, which the next process removes when their own was killed."""

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

MARK = "fleras-"
LOCK = "lock"
NAME = re.compile(f"{MARK}[0-9a-f]{{16}}$")


@dataclass(frozen=True)
class Owned:
    """A directory and the lock that tells that its process lives."""

    path: Path
    lock: FileLock

    @property
    def files(self) -> Path:
        """The directory in it for the work."""
        return self.path / "files"

    def end(self) -> None:
        """Removes it with all that is in it, the lock last, so that it is known until then."""
        self.lock.release()
        with suppress(OSError):
            for path in self.path.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name != LOCK:
                    path.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def begin(home: Path, prefix: str = "") -> Owned:
    """A new directory in `home`.

    Raises:
        OSError: none can be made there.
    """
    while True:
        path = home / f"{prefix}{MARK}{secrets.token_hex(8)}"
        path.mkdir(mode=0o700)
        if lock := _hold(path):
            own = Owned(path, lock)
            own.files.mkdir()
            return own


def dead(home: Path, prefix: str = "") -> Iterator[Owned]:
    """What processes that are gone left in `home`, now held by this one; another's is let alone."""
    with suppress(OSError):
        for path in list(home.iterdir()):
            if path.name.startswith(prefix) and NAME.fullmatch(path.name[len(prefix) :]):
                with suppress(OSError):
                    path.rmdir()
                if _is_own(path) and (path / LOCK).exists() and (lock := _hold(path)):
                    yield Owned(path, lock)


def begin_scratch() -> Owned:
    """One for temporary files; those of killed processes go."""
    home = Path(tempfile.gettempdir())
    for left in dead(home):
        left.end()
    return begin(home)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory for temporary files that is gone when the block ends."""
    own = begin_scratch()
    try:
        yield own.files
    finally:
        own.end()


def _hold(path: Path) -> FileLock | None:
    """The lock, or None where another process has it or has just removed the directory."""
    lock = FileLock(path / LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, FileNotFoundError):
        return None
    if path.is_dir():
        return lock
    lock.release()
    return None


def _is_own(path: Path) -> bool:
    """A directory, not a link to one, of this user."""
    try:
        entry = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(entry.st_mode) and (os.name == "nt" or entry.st_uid == os.getuid())
