"""What can go wrong on the way to a file, each with the exit code of the command line."""

from typing import Any

from export.base.visible import one_line

EXIT_CODES = {
    0: "done; what was compared is equivalent",
    1: "a file is not equivalent, and nothing else",
    2: "wrong use, an input that can't be read or is refused, no space, memory or output",
    3: "the model can't be converted, or an error that nobody foresaw",
    130: "interrupted (143: terminated)",
}
"""Of every command."""


class ExportError(Exception):
    """An export that could not be finished. The message is one line: what was wrong; what to do.

    Attributes:
        exit_code: of the command line.
        layer: name of the layer that is to blame; empty where none is known.
        comparison: the `Comparison` with the model, where the file could be run.
        exported: the `Exported` of an export some of whose files failed.
    """

    exit_code = 3
    layer: str = ""
    comparison: Any = None
    exported: Any = None

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class NotEquivalent(ExportError):
    """The artefact loads and runs, but does not compute what the Keras model computes."""

    exit_code = 1


class InputError(ExportError):
    """Wrong use, or an input that can't be read or is refused."""

    exit_code = 2


class ConversionError(ExportError):
    """The model can't be written in the wanted format."""

    exit_code = 3


class OutOfTime(ConversionError):
    """A converter or runtime took longer than it may."""


class OutOfMemory(ConversionError):
    """A converter or runtime took more memory than there is."""


class Withheld(ExportError):
    """A file that passed, and is not written because another did not."""

    exit_code = 0
