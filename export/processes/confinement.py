"""Walls around a process that opens a stranger's file: files, network, programs, sizes.

Landlock and seccomp are of Linux. Where the system lacks one, the others still stand; `missing`
says which.
"""

import errno
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from export.processes import landlock

SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc", "/sys/devices"),
    *("/sys/fs/cgroup", "/dev/urandom", "/dev/zero"),
)
REFUSED = (
    *("socket", "connect", "bind", "sendto", "sendmsg", "execve", "execveat", "ptrace", "kill"),
    *("process_vm_readv", "process_vm_writev", "pidfd_send_signal", "io_uring_setup", "bpf"),
    *("open_by_handle_at", "mount", "unshare", "setns", "keyctl", "perf_event_open"),
)


def confine(readable: Iterable[str], writable: Iterable[str], size: int) -> None:
    """Bounds this process, before it has other threads, to these files and to no network.

    Args:
        readable: files and directories to read besides the system's own and Python's.
        writable: directories to read and to write.
        size: bytes that a file it writes may have, and a quarter of those of memory it may ask for.
    """
    seccomp = _seccomp_or_none()
    with suppress(OSError, ImportError):
        _limit(size)
    with suppress(OSError):
        python = (sys.prefix, sys.base_prefix, *sys.path)
        landlock.restrict([*SYSTEM, *python, *readable], writable)
    if seccomp is not None:
        _refuse(seccomp)


def walls() -> dict[str, str]:
    """What keeps a process from the user's files and the others; empty where nothing does."""
    found = {}
    probes: tuple[tuple[str, Callable[[], str]], ...] = (
        ("files", lambda: f"Landlock {landlock.version()}"),
        ("sizes", lambda: "resource limits" if _import_resource() else ""),
        ("network", lambda: "seccomp" if _seccomp_or_none() else ""),
    )
    for what, probe in probes:
        try:
            found[what] = probe()
        except (OSError, ImportError):
            found[what] = ""
    return found


def missing() -> list[str]:
    """What a process can't be kept from on this system."""
    return [what for what, wall in walls().items() if not wall]


def _seccomp_or_none() -> Any:
    """The package; it looks for the library by starting a program, so before the walls stand."""
    try:
        import pyseccomp
    except (OSError, ImportError, RuntimeError):
        return None
    return pyseccomp


def _refuse(seccomp: Any) -> None:
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in REFUSED:
        rules.add_rule(seccomp.ERRNO(errno.EACCES), name)
    rules.load()


def _limit(size: int) -> None:
    resource = _import_resource()
    for kind, bound in (("CORE", 0), ("FSIZE", size), ("DATA", 4 * size)):
        name = getattr(resource, f"RLIMIT_{kind}")
        _, most = resource.getrlimit(name)
        bound = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(name, (bound, bound))


def _import_resource() -> Any:
    import resource

    return resource
