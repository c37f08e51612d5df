"""SIGTERM and a terminal that is closed end a command as Ctrl-C does: nothing is left behind."""

import signal
from contextlib import suppress
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupted(KeyboardInterrupt):
    """A signal came; `exit_code` is what a shell tells of it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def raise_on_signals() -> None:
    """Makes the first signal an exception; a second one ends the process at once.

    What is ignored, as under nohup, stays so.
    """
    with suppress(ValueError):
        for number in _heeded():
            signal.signal(number, _raise)


def exit_code_of(error: BaseException) -> int:
    """That of an interruption, which may be the cause of another error."""
    return next(
        (each.exit_code for each in (error, error.__cause__) if isinstance(each, Interrupted)), 130
    )


def _raise(number: int, frame: FrameType | None) -> None:
    for each in _heeded():
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(number)


def _heeded() -> list[int]:
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
