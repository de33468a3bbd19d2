"""Retention of folders: removes those unchanged for a number of days."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator

LOG = logging.getLogger(__name__)

DAY = 86400.0

_EVERY = 3600.0  #: seconds between two runs
_PAUSE = 0.05  #: seconds between two removals
_MOST_ROUNDS = 100_000  #: depth of nested folders, which are flattened one level per round
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = ".gone-"  #: prefix of the name of a folder that is being removed


async def keep_tidy(home: str, days: float, spared: Callable[[str], bool]) -> None:
    """Remove expired folders in ``home``, now and every hour; never returns.

    :param days: age in days from which a folder expires
    :param spared: returns whether the folder of a name is kept regardless of age
    """
    while True:
        try:
            expired = await asyncio.to_thread(old, home, time.time() - days * DAY)
        except OSError as error:
            LOG.warning("Cannot look for expired folders in %s: %s", home, error)
            expired = []
        for name in expired:
            if name.startswith(_GONE) or not spared(name):
                await _discard(home, name)
                await asyncio.sleep(_PAUSE)
        await asyncio.sleep(_EVERY)


async def _discard(home: str, name: str) -> None:
    try:
        await asyncio.to_thread(discard, home, name)
        LOG.info("Removed %s from %s: it had expired", name, home)
    except OSError as error:
        LOG.warning("Cannot remove %s from %s: %s", name, home, error)


def old(home: str, limit: float) -> list[str]:
    """The names of the folders unchanged since a time, the oldest first, and of unfinished removals.

    :param limit: seconds since the epoch
    """
    aged = []
    with os.scandir(home) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                at = entry.stat(follow_symlinks=False).st_mtime
                if at < limit or entry.name.startswith(_GONE):
                    aged.append((at, entry.name))
    return [name for _, name in sorted(aged)]


def discard(home: str, name: str) -> None:
    """Remove a folder; renames it first, so that under its own name it is complete or absent.

    :raises OSError: if it cannot be removed
    """
    path = os.path.join(home, name)
    if not name.startswith(_GONE):
        gone = os.path.join(home, f"{_GONE}{name}")
        os.rename(path, gone)
        path = gone
    remove(path)


def remove(path: str) -> None:
    """Remove a file, or a folder with its contents, if it exists.

    A script may have written the contents: folders may lack permissions, and be nested too deep for recursion
    or for a path. So nested folders are moved up into this one first. No link is followed.

    :raises OSError: if it cannot be removed
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if _unlink(path, None):
            return
        with _opened(path, None) as folder:
            for _ in range(_MOST_ROUNDS):
                names = os.listdir(folder)
                if not names:
                    break
                for name in names:
                    if not _unlink(name, folder):
                        _move_up(name, folder)
        os.rmdir(path)


def _move_up(name: str, above: int) -> None:
    with _opened(name, above) as folder:
        for each in os.listdir(folder):
            if not _unlink(each, folder):
                with _opened(each, folder):  # move it only if it is accessible
                    os.rename(each, uuid.uuid4().hex, src_dir_fd=folder, dst_dir_fd=above)
    os.rmdir(name, dir_fd=above)


def _unlink(name: str, folder: int | None) -> bool:
    """Remove an entry unless it is a folder; returns whether it was removed."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


@contextlib.contextmanager
def _opened(name: str, folder: int | None) -> Iterator[int]:
    """Open a folder, after a change of its permissions if necessary."""
    place = os.open(name, os.O_PATH | _FOLDER, dir_fd=folder)
    try:
        path = f"/proc/self/fd/{place}"
        if os.stat(path).st_mode & 0o700 != 0o700:
            with contextlib.suppress(PermissionError):
                os.chmod(path, 0o700)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)
    try:
        yield opened
    finally:
        os.close(opened)
