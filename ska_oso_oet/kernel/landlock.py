"""Landlock: rights to files that a process gives up for good, with all it will ever start.

As `the kernel's documentation <https://docs.kernel.org/userspace-api/landlock.html>`_ has it. What a version
of the kernel's does not know is left out. Standard library only. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Collection, Iterable, Iterator

from .linux import libc

#: The first version in which a file that may not be written cannot be cut short either; Linux 6.2.
WHOLE = 3
#: The first version in which signals and abstract sockets stay inside; Linux 6.12.
SCOPES = 6

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the numbers of the system calls, on every architecture
_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_KNOWN = (0, 13, 14, 15, 15, 16)  #: how many rights to files each version knows; later ones as the last
_SCOPES = 0b11  #: abstract Unix sockets, and signals


def version() -> int:
    """The version of the kernel's Landlock; 0 if it is missing or switched off."""
    return max(0, _syscall(_CREATE, None, 0, _VERSION))


def restrict(reads: Iterable[str], writes: Iterable[str], lists: Iterable[str]) -> None:
    """Let this thread, and all it starts, read below some paths only, and write below others only.

    :param reads: real paths; links are left out
    :param lists: folders below which it sees the names of unreadable files, too

    To read is to execute as well. Signals and abstract sockets reach those only that are restricted with
    it. Missing paths are left out.

    :raises OSError: if the kernel refuses
    """
    abi = version()
    everything = (1 << _KNOWN[min(abi, len(_KNOWN) - 1)]) - 1
    handled = struct.pack("QQQ", everything, 0, _SCOPES if abi >= SCOPES else 0)
    size = 24 if abi >= SCOPES else 16 if abi >= 4 else 8
    rules = _call(_CREATE, handled, size, 0)
    try:
        for paths, rights in ((reads, _READ), (writes, everything), (lists, _READ_DIR)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                    _allow(rules, path, rights & everything)
        _call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if os.readlink(f"/proc/self/fd/{place}") != path:
            return
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        _call(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def around(folder: str, hidden: Collection[str]) -> Iterator[str]:
    """The paths that make up a folder without its hidden parts; the folder itself if none is hidden."""
    if not (inside := _inside(folder, hidden)):
        yield folder
    elif folder not in inside:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if not entry.is_symlink():  # its target decides
                    yield from around(entry.path, inside)


def listable(folder: str, hidden: Collection[str]) -> bool:
    """Whether there is something hidden in a folder, and that is files only: their names are no secret."""
    inside = _inside(folder, hidden)
    return bool(inside) and not any(os.path.isdir(path) for path in inside)


def _inside(folder: str, hidden: Collection[str]) -> list[str]:
    return [path for path in hidden if path == folder or path.startswith(f"{folder.rstrip('/')}/")]


def _call(number: int, *arguments: bytes | int | None) -> int:
    import ctypes

    result = _syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result


def _syscall(number: int, *arguments: bytes | int | None) -> int:
    import ctypes

    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = libc().syscall(number, *given)
    return result
