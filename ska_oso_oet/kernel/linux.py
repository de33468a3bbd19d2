"""Shared by the modules of this folder: the C library, and the kernel's line about a process.

Standard library only. Linux only.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple


@functools.cache
def libc() -> Any:
    """The C library, whose functions leave ``errno`` to :func:`ctypes.get_errno`."""
    import ctypes  # takes milliseconds to import, which a script's own interpreter is spared

    return ctypes.CDLL(None, use_errno=True)


class Stat(NamedTuple):
    """Some fields of ``/proc/<pid>/stat``; see proc(5)."""

    name: str
    state: str
    parent: int
    flags: int
    started: int  #: clock ticks since boot


def stat(pid: int) -> Stat | None:
    """The kernel's line about a process; none if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # A process chooses its name, which may hold anything: it ends at the last bracket.
            name, _, rest = file.read().partition(b"(")[2].rpartition(b")")
    except OSError:
        return None
    fields = rest.split()
    return Stat(
        name.decode(errors="replace"), fields[0].decode(), int(fields[1]), int(fields[6]), int(fields[19])
    )
