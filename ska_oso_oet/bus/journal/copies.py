"""Backups of a journal in SQLite: whole or not there, and for their owner only."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from . import integrity
from .errors import Unusable
from .schema import SCHEMA, SINCE, SUBARRAY

#: How file systems without hard links say so.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


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
    with contextlib.suppress(FileNotFoundError):
        os.stat(f"{part}-journal")  # SQLite does not say that a name is too long
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
        _name(part, target)
    folder = os.open(os.path.dirname(os.path.abspath(target)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(part: str, target: str) -> None:
    """Give a file its name, which never replaces anything."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))  # nothing but this is replaced
        os.replace(part, target)


def backup(file: str, target: str | None = None) -> str:
    """Make a backup of a journal, which may be in use; returns where it is.

    :param target: by default a file beside the journal, named after the time
    :raises Unusable: where there is none afterwards
    """
    if not os.path.exists(file):
        raise Unusable(f"there is no journal {file}")
    target = target or f"{os.path.splitext(file)[0]}-{_now()}.bak"
    copy(file, target)
    return target


def restore(source: str, file: str, subarray: int) -> str | None:
    """Have a backup take the place of a journal that nobody uses.

    :param subarray: whose journal that is
    :returns: where the journal it replaces is kept, if there was one
    :raises Unusable: where nothing was replaced
    """
    _require_good(source, subarray)
    os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
    part = f"{file}.part"
    copy(source, part, replace=True)
    asked_before = is_restored(file)
    try:
        kept = _set_aside(file) if os.path.exists(file) else None
        Path(_restored(file)).touch()  # before the journal is there: without it numbers are given again
        os.replace(part, file)
    except OSError as error:
        os.unlink(part)
        if not asked_before:
            forget_restored(file)
        raise Unusable(f"{file} cannot be replaced: {error.strerror}") from None
    integrity.forget(file)
    return kept


def is_restored(file: str) -> bool:
    """Tell whether a journal was a backup, so that others may know of messages it does not have."""
    return os.path.exists(_restored(file))


def forget_restored(file: str) -> None:
    """What others know was asked for."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_restored(file))


def _restored(file: str) -> str:
    return f"{file}.restored"


def _now() -> str:
    """For a name: fine enough for two of them to differ."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def _require_good(source: str, subarray: int) -> None:
    if not os.path.exists(source):
        raise Unusable(f"there is no backup {source}")
    integrity.require_readable(source)
    if (found := integrity.damage(source)) is not None:
        raise Unusable(f"the backup {source} is damaged ({found}); choose another one")
    revision = SCHEMA.revision_of(source)
    with contextlib.closing(sqlite3.connect(source)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        noted = "SELECT value FROM notes WHERE name = ?"
        whose = database.execute(noted, (SUBARRAY,)).fetchone() if "notes" in tables else None
    wanted = {table for table, since in SINCE.items() if since <= (revision or "")}
    if "messages" not in wanted & tables:
        raise Unusable(f"{source} is no journal; name a file that oet-server backup has made")
    if str(revision) > SCHEMA.revision:
        raise Unusable(
            f"the backup {source} has schema {revision}, but this release knows none later than "
            f"{SCHEMA.revision}; install the release that made it or a later one"
        )
    if missing := sorted(wanted - tables):
        raise Unusable(
            f"{source} is no journal, or not all of one: it has no table {missing[0]}; name a file that "
            "oet-server backup has made"
        )
    if whose is not None and whose[0] != str(subarray):
        raise Unusable(
            f"{source} is a backup of subarray {whose[0]}, and this is subarray {subarray}; choose one of "
            "this subarray, or name the other one with OET_SUBARRAY_ID"
        )


def _set_aside(file: str) -> str:
    """Give a journal another name as well; the caller takes this one away from it."""
    kept = f"{os.path.splitext(file)[0]}.replaced-{_now()}"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that all of it is in one file
    os.link(file, kept)
    for rest in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{file}{rest}", f"{kept}{rest}")
    return kept
