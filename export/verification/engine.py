"""A runtime as the verification sees it: how to open a file in it, and in which settings to run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from export.base.artifact import Port
from export.base.error_text import sentence
from export.base.errors import ConversionError
from export.base.runtime import Runtime


@dataclass(frozen=True)
class Engine:
    """One runtime.

    Attributes:
        name: what users call it.
        suffix: of the files it runs.
        load: opens a file: path, whether to optimize, threads per operator (None: its own choice).
        check: raises ConversionError unless the file keeps the rules of its format; returns the
            operators that the runtime has not, which are none unless the second argument allows
            those of TensorFlow itself.
        settings: name and whether to optimize, for each way in which a file is verified.
        remedy: what to do about a file that it refuses, from the text of the refusal.
        unlinked: what the refusal of a file says when only operators of TensorFlow itself lack.
        read_ports: inputs and outputs of a file that the runtime can't load.
    """

    name: str
    suffix: str
    load: Callable[[Path, bool, int | None], Runtime]
    check: Callable[[Path, bool], list[str]]
    settings: Mapping[str, bool]
    remedy: Callable[[str], str]
    unlinked: str = ""
    read_ports: Callable[[Path], tuple[tuple[Port, ...], tuple[Port, ...]]] | None = None

    def open(self, path: Path, optimize: bool = True, threads: int | None = None) -> Runtime:
        """Loads a file.

        Raises:
            ConversionError: the runtime refuses the file.
        """
        try:
            return self.load(path, optimize, threads)
        except (RuntimeError, ValueError) as error:
            text = str(error)
            raise ConversionError(
                f"the runtime refuses {path.name}: {sentence(text)}; {self.remedy(text)}"
            ) from error
