"""The environment of a worker: where it finds modules, and which devices."""

import os
import sys

from export.base.start import PACKAGES, without_current_folder


def environment(scratch: str) -> dict[str, str]:
    """The variables of this process with those of a worker, whose temporary files go to scratch."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(search_path()),
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), scratch),
    }


def search_path() -> list[str]:
    """Where a worker looks for modules: neither in the current folder nor beside a script."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    beside = os.path.dirname(os.path.abspath(script)) if script else None
    found = [entry for entry in without_current_folder(sys.path) if entry != beside]
    return found if PACKAGES in found else [*found, PACKAGES]
