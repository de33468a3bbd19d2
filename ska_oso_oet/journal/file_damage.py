"""Detects damage to the file of a journal.

A killed process damages nothing; a disk may, or another program that writes to the file. Damage is noted in a
file beside the journal, so that no later start can overlook it.
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
    """A check exceeded its time."""


def damage(file: str, seconds: float | None = None) -> str | None:
    """Check a database: SQLite's description of the damage; None if it is undamaged or absent.

    :param seconds: time limit of the check
    :raises Unfinished: if the check exceeded it
    """
    if not os.path.exists(file):
        return None
    with contextlib.closing(sqlite3.connect(file, timeout=5)) as database:
        clock = threading.Timer(seconds or 0, database.interrupt)
        if seconds is not None:
            clock.start()
        try:
            result = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise Unfinished from None
            result = str(error)
        finally:
            clock.cancel()
            if seconds is not None:
                clock.join()
    return None if result == "ok" else " ".join(result.split())


def require_readable(file: str) -> None:
    """Require that a file, if it exists, is an ordinary file that this user can read.

    :raises Unusable: if it is not
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
    """Tell whether an error of a database means that its file is damaged."""
    return getattr(error, "sqlite_errorcode", None) in _DAMAGED


def require_whole(file: str, seconds: float) -> bool:
    """Check a journal for damage within a time; without a limit if damage was noted before.

    :param seconds: time limit of the check
    :returns: whether the check was finished
    :raises Unusable: if it is damaged, or cannot be read
    """
    require_readable(file)
    try:
        error = damage(file, None if is_noted(file) else seconds)
    except Unfinished:
        return False
    if error is not None:
        note(file, error)
        raise Unusable(sentence(file, error))
    forget(file)
    return True


def note(file: str, error: str) -> None:
    """Note for every later start that a journal is damaged."""
    try:
        with open(_note(file), "w") as place:
            place.write(f"{error}\n")
    except OSError as failure:
        LOG.error("Cannot record that the journal is damaged: %s", failure)


def is_noted(file: str) -> bool:
    """Tell whether damage to a journal was noted."""
    return os.path.exists(_note(file))


def forget(file: str) -> None:
    """Remove the note: the file was replaced, or is undamaged."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_note(file))


def sentence(file: str, error: str) -> str:
    """The message about a damaged journal, with the action to take."""
    backup = _latest_backup(file)
    advice = (
        f"restore the latest backup with: oet-server restore {backup}"
        if backup
        else "restore a backup with: oet-server restore FILE, or move the file away to begin a new journal"
    )
    return f"the journal {file} is damaged ({error}); {advice}"


def _latest_backup(file: str) -> str | None:
    stem = glob.escape(os.path.splitext(file)[0])
    return max(glob.glob(f"{stem}*.bak"), key=os.path.getmtime, default=None)


def _note(file: str) -> str:
    return f"{file}.damaged"
