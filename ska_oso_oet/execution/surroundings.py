"""What a script's process is furnished with: descriptors out of reach, standard streams, limits.

Standard library only.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import resource
import sys
from typing import Any

from . import processes


def out_of_reach(fd: int) -> int:
    """Move a descriptor to where a script that closes the usual ones does not find it."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, processes.OUT_OF_REACH)
    os.close(fd)
    return moved


def limit_memory(limit: int) -> None:
    """Let this process, and each it starts, have this many bytes of its own beyond what it has."""
    with open("/proc/self/statm") as file:
        own = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (own + limit, own + limit))


def _text_stream(fd: int) -> Any:
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def engine_descriptors() -> list[int]:
    """The control socket, and the locks on what this run shares with others."""
    return [n for n in map(int, os.listdir("/proc/self/fd")) if n >= processes.OUT_OF_REACH and _is_open(n)]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def open_standard_streams() -> None:
    """Make sys.stdin, sys.stdout and sys.stderr anew, from descriptors 0, 1 and 2."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  they live as long as the process
    sys.stdout = _text_stream(1)
    sys.stderr = _text_stream(2)
    faulthandler.enable()
