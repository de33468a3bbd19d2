"""Folders that have served their time: removed when nothing has changed in them for long enough."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable

LOG = logging.getLogger(__name__)

DAY = 86400.0

_EVERY = 3600.0  #: seconds between two times of looking
_PAUSE = 0.05  #: seconds between two removals
_GONE = ".gone-"  #: what the name of a folder begins with that is being removed


async def keep_tidy(home: str, days: float, spared: Callable[[str], bool]) -> None:
    """Remove the folders in ``home`` that are older than this, now and every hour; never ends by itself.

    :param spared: tells by their names which are not to be removed, however old they are
    """
    while True:
        try:
            found = await asyncio.to_thread(old, home, time.time() - days * DAY)
        except OSError as error:
            LOG.warning("Cannot look for what is too old in %s: %s", home, error)
            found = []
        for name in found:
            if name.startswith(_GONE) or not spared(name):
                await _discard(home, name)
                await asyncio.sleep(_PAUSE)
        await asyncio.sleep(_EVERY)


async def _discard(home: str, name: str) -> None:
    try:
        await asyncio.to_thread(discard, home, name)
        LOG.info("Removed %s from %s, being too old", name, home)
    except OSError as error:
        LOG.warning("Cannot remove %s from %s: %s", name, home, error)


def old(home: str, limit: float) -> list[str]:
    """The names of the folders in which nothing was made or removed since a time, the oldest first.

    What an earlier removal has left behind is among them.
    """
    found = []
    with os.scandir(home) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                at = entry.stat(follow_symlinks=False).st_mtime
                if at < limit or entry.name.startswith(_GONE):
                    found.append((at, entry.name))
    return [name for _, name in sorted(found)]


def discard(home: str, name: str) -> None:
    """Remove a folder; under its own name it is whole or not there.

    :raises OSError: where it cannot be removed
    """
    path = os.path.join(home, name)
    if not name.startswith(_GONE):
        gone = os.path.join(home, f"{_GONE}{name}")
        os.rename(path, gone)
        path = gone
    shutil.rmtree(path)
