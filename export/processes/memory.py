"""How much memory there is, and how much a process holds; infinite or zero where unknown."""

import os
from pathlib import Path


def available() -> float:
    """Bytes that can be taken now without swapping, within the limits of a container."""
    return min(_machine(), _container())


def usable() -> float:
    """Bytes that one process may take: most of what is available, so that the machine goes on."""
    return 0.8 * available()


def resident(pid: int) -> int:
    """Bytes that process `pid` holds in memory."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
    return int(sizes["MemAvailable"]) * 1024 if "MemAvailable" in sizes else float("inf")


def _container() -> float:
    root = Path("/sys/fs/cgroup")
    try:
        used = int((root / "memory.current").read_text())
        return float((root / "memory.max").read_text()) - used
    except (OSError, ValueError):
        return float("inf")
