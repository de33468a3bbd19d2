"""Whether the file of a journal is whole, and what is to be done where it is not.

A process that is killed damages nothing; a disk may, or whoever writes to the file beside us. What is found
is noted in a file beside the journal, so that no later start can overlook it.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import sqlite3
import threading

from .errors import Unusable

LOG = logging.getLogger(__name__)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Unfinished(Exception):  # noqa: N818  no failure
    """The time for a check was not enough."""


def damage(file: str, seconds: float | None = None) -> str | None:
    """What is wrong with a database, in SQLite's words; none where it is whole, or not there.

    :param seconds: how long it may take
    :raises Unfinished: where that was not enough
    """
    if not os.path.exists(file):
        return None
    with contextlib.closing(sqlite3.connect(file, timeout=5)) as database:
        clock = threading.Timer(seconds or 0, database.interrupt)
        if seconds is not None:
            clock.start()
        try:
            found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise Unfinished from None
            found = str(error)
        finally:
            clock.cancel()
            if seconds is not None:
                clock.join()
    return None if found == "ok" else " ".join(found.split())


def require_readable(file: str) -> None:
    """Make sure that a file, where there is one, is one that can be read.

    :raises Unusable: where it is not
    """
    if os.path.exists(file) and not os.path.isfile(file):
        raise Unusable(f"{file} is no ordinary file; move it away, or name another one")
    try:
        with open(file, "rb"):
            pass
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}; let this user read it") from None


def is_damage(error: BaseException | None) -> bool:
    """Tell whether a database refused something because it is damaged."""
    return getattr(error, "sqlite_errorcode", None) in _DAMAGED


def require_whole(file: str, seconds: float) -> bool:
    """Make sure that a journal is not damaged, as far as can be told in this time.

    One that was found damaged before is looked at for as long as it takes.

    :returns: whether all of it was looked at
    :raises Unusable: where it is damaged, or cannot be read
    """
    require_readable(file)
    try:
        found = damage(file, None if noted(file) else seconds)
    except Unfinished:
        return False
    if found is not None:
        note(file, found)
        raise Unusable(sentence(file, found))
    forget(file)
    return True


def note(file: str, found: str) -> None:
    """Let every later start know that a journal is damaged."""
    try:
        with open(_note(file), "w") as place:
            place.write(f"{found}\n")
    except OSError as error:
        LOG.error("Cannot note that the journal is damaged: %s", error)


def noted(file: str) -> bool:
    """Tell whether a journal was found damaged before."""
    return os.path.exists(_note(file))


def forget(file: str) -> None:
    """Another file has taken its place."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_note(file))


def sentence(file: str, found: str) -> str:
    """What to do about a damaged journal."""
    backup = _latest_backup(file)
    advice = (
        f"restore the latest backup with: oet-server restore {backup}"
        if backup
        else "restore a backup with: oet-server restore FILE, or move the file away to begin a new journal"
    )
    return f"the journal {file} is damaged ({found}); {advice}"


def _latest_backup(file: str) -> str | None:
    stem = glob.escape(os.path.splitext(file)[0])
    return max(glob.glob(f"{stem}*.bak"), key=os.path.getmtime, default=None)


def _note(file: str) -> str:
    return f"{file}.damaged"
