"""Copies of a journal in SQLite: whole or not there, and for its owner only."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile

from .errors import Unusable


def copy(source: str, target: str, *, replace: bool = False) -> None:
    """Copy a database as it is at this moment, while others may be writing to it.

    :param replace: whether a file that is there already may be replaced
    :raises Unusable: where there is no copy afterwards
    """
    if os.path.lexists(target) and not replace:
        raise Unusable(f"{target} exists already; choose another name, or remove it")
    folder, name = os.path.split(os.path.abspath(target))
    try:
        handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError as error:
        raise Unusable(f"{target} cannot be written: {error.strerror}") from None
    try:
        _write(source, part)
        os.fsync(handle)
        _publish(part, target, replace)
    except sqlite3.Error as error:
        raise Unusable(f"{source} cannot be copied to {target}: {error}") from None
    except FileExistsError:
        raise Unusable(f"{target} exists already; choose another name, or remove it") from None
    except OSError as error:
        raise Unusable(f"{target} cannot be written: {error.strerror}") from None
    finally:
        os.close(handle)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def _write(source: str, part: str) -> None:
    with contextlib.closing(sqlite3.connect(source, timeout=5, isolation_level=None)) as database:
        database.execute("VACUUM INTO ?", (part,))
    with contextlib.closing(sqlite3.connect(part)) as database:
        found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _publish(part: str, target: str, replace: bool) -> None:
    if replace:
        os.replace(part, target)
    else:
        os.link(part, target)  # unlike a renaming, this never replaces anything
    folder = os.open(os.path.dirname(os.path.abspath(target)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
