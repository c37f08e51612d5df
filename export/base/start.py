"""What has to be so before anything else is imported; imports nothing itself."""

import os
import sys

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder that holds this package."""


def prepare() -> None:
    """Makes no program of ours run code of the current folder, or send anything anywhere.

    The path of a user's own script is left alone. ONNX Runtime reads its variable when it loads.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if _is_own_program():
        sys.path[:] = without_current_folder(sys.path)


def without_current_folder(path: list[str]) -> list[str]:
    """The absolute entries that are not the current folder, unless it holds this package."""
    here = _current_folder()
    return [
        entry
        for entry in path
        if os.path.isabs(entry)
        and (os.path.realpath(entry) != here or os.path.samefile(entry, PACKAGES))
    ]


def _current_folder() -> str:
    """Empty where it was removed."""
    try:
        return os.path.realpath(os.curdir)
    except FileNotFoundError:
        return ""


def _is_own_program() -> bool:
    given = sys.orig_argv
    module = "-mexport" in given or ("-m" in given and given[given.index("-m") + 1] == "export")
    return module or os.path.basename((sys.argv or [""])[0]).split(".")[0] == "fleras"
