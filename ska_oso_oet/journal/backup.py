"""Backup and restore of a journal in SQLite. A backup is complete or absent; only its owner can read it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from . import file_damage
from .errors import Unusable
from .schema import MESSAGES, METADATA, SCHEMA, SUBARRAY


def copy(source: str, target: str, *, replace: bool = False) -> None:
    """Copy a snapshot of a database that may be in use.

    :param replace: whether to replace an existing file
    :raises Unusable: if no copy was made
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
        os.stat(f"{part}-journal")  # SQLite does not report a name that is too long
    with contextlib.closing(sqlite3.connect(source, timeout=5, isolation_level=None)) as database:
        # Unlike that of Connection.backup(), this copy needs no write-ahead log to be opened.
        database.execute("VACUUM INTO ?", (part,))
    with contextlib.closing(sqlite3.connect(part)) as database:
        result = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise sqlite3.DatabaseError(result)


def _publish(part: str, target: str, replace: bool) -> None:
    if not replace:
        os.close(
            os.open(target, os.O_CREAT | os.O_EXCL, 0o600)
        )  # so that os.replace() replaces no other file
    try:
        os.replace(part, target)
    except OSError:
        if not replace:
            os.unlink(target)
        raise
    folder = os.open(os.path.dirname(os.path.abspath(target)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def backup(file: str, target: str | None = None) -> str:
    """Back up a journal that may be in use, and return the path of the backup.

    :param target: by default a file beside the journal, named after the time
    :raises Unusable: if no backup was made
    """
    if not os.path.exists(file):
        raise Unusable(f"there is no journal {file}")
    target = target or f"{os.path.splitext(file)[0]}-{_now()}.bak"
    copy(file, target)
    return target


def restore(source: str, file: str, subarray: int) -> str | None:
    """Replace a journal that is not in use by a backup.

    :param subarray: id of the journal's subarray
    :returns: the new path of the replaced journal; None if there was no journal
    :raises Unusable: if nothing was replaced
    """
    _require_good(source, subarray)
    os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
    part = f"{file}.part"
    copy(source, part, replace=True)
    noted_before = is_restored(file)
    try:
        kept = _set_aside(file) if os.path.exists(file) else None
        note_restored(file)  # first: without the note, numbers would be reused
        os.replace(part, file)
    except OSError as error:
        os.unlink(part)
        if not noted_before:
            forget_restored(file)
        raise Unusable(f"{file} cannot be replaced: {error.strerror}") from None
    file_damage.forget(file)
    return kept


def note_restored(file: str) -> None:
    """Note that others may have received messages that the journal lacks."""
    Path(_restored(file)).touch()


def is_restored(file: str) -> bool:
    """Tell whether others may have received messages that the journal lacks."""
    return os.path.exists(_restored(file))


def forget_restored(file: str) -> None:
    """Remove the note, after the numbers that others received have been requested."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_restored(file))


def _restored(file: str) -> str:
    return f"{file}.restored"


def _now() -> str:
    """The time for a file name, precise enough to be unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def _require_good(source: str, subarray: int) -> None:
    if not os.path.exists(source):
        raise Unusable(f"there is no backup {source}")
    file_damage.require_readable(source)
    if (damage := file_damage.damage(source)) is not None:
        raise Unusable(f"the backup {source} is damaged ({damage}); choose another one")
    with contextlib.closing(sqlite3.connect(source)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = f"SELECT version_num FROM {SCHEMA.version_table}"  # noqa: S608  ours
        revision = database.execute(version).fetchone()[0] if SCHEMA.version_table in tables else ""
        note = "SELECT value FROM notes WHERE name = ?"
        owner = database.execute(note, (SUBARRAY,)).fetchone() if "notes" in tables else None
    if revision > SCHEMA.revision:
        raise Unusable(
            f"the backup {source} has schema {revision}, but this release knows none later than "
            f"{SCHEMA.revision}; install the release that made it or a later one"
        )
    required = set(METADATA.tables) if revision == SCHEMA.revision else {MESSAGES.name}
    if missing := sorted(required - tables):
        raise Unusable(
            f"{source} is no journal, or not all of one: it has no table {missing[0]}; name a file that "
            "oet-server backup has made"
        )
    if owner is not None and owner[0] != str(subarray):
        raise Unusable(
            f"{source} is a backup of subarray {owner[0]}, and this is subarray {subarray}; choose one of "
            "this subarray, or name the other one with OET_SUBARRAY_ID"
        )


def _set_aside(file: str) -> str:
    """Give a journal a second name; the caller removes the first one."""
    kept = f"{os.path.splitext(file)[0]}.replaced-{_now()}"
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that all of it is in one file
    os.link(file, kept)
    for rest in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{file}{rest}", f"{kept}{rest}")
    return kept
