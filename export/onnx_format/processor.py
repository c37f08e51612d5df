"""What this processor does with products of 8-bit numbers."""

import platform
from pathlib import Path

INFO = Path("/proc/cpuinfo")
DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "amx_int8"}
ARM = {"aarch64", "arm64"}


def overflows(machine: str = "", info: Path = INFO) -> bool:
    """Whether sums of two products of uint8 and int8 may exceed the 16 bits they are held in.

    So they may on x86 without VNNI, and maybe where nothing is known: weights need 7 bits there.

    Args:
        machine: as `platform.machine()` tells it, by default this one.
        info: a file like Linux' /proc/cpuinfo.
    """
    if (machine or platform.machine()).lower() in ARM:
        return False
    try:
        words = set(info.read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return True
    return not words & DOT_PRODUCTS
