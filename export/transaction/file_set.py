"""Files that belong together in a directory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileSet:
    """What is to appear as one.

    Attributes:
        directory: where.
        last: the file that is moved last, because it tells that the others are there.
        refuse: raises InputError when the directory holds one of these names that must stay.
        earlier: names in a directory of files of such a set, which go when a new set comes.
        whole: whether the directory as a whole may be made, or exchanged for another.
    """

    directory: Path
    last: str
    refuse: Callable[[set[str]], None]
    earlier: Callable[[Path], set[str]] = lambda directory: set()
    whole: bool = False

    @property
    def prefix(self) -> str:
        """How the names of its transactions begin, and that of its lock."""
        return f".{self.directory.name if self.whole else self.last}."

    def homes(self) -> list[Path]:
        """Where a transaction can be: on the same file system, so that renaming works."""
        directory = self.directory
        if not directory.is_dir():
            return [next(parent for parent in directory.parents if parent.exists())]
        same = directory.parent.stat().st_dev == directory.stat().st_dev
        return [directory.parent, directory] if same and self.whole else [directory]
