"""Journals as earlier releases have written them: dumps of their databases, made by running them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

_DUMPS = Path(__file__).parent / "journals"

#: The revisions of which there is a journal, each with the numbers of its last message and procedure.
LAST = {"0001": (43, 3), "0002": (68, 4), "0003": (85, 4), "0004": (85, 4)}


def make(file: Path, revision: str) -> Path:
    """Write the journal that a release with this revision has left behind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript((_DUMPS / f"{revision}.sql").read_text())
    return file


def dump(file: Path) -> list[str]:
    """Everything that is in a database."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def sql(file: Path, statement: str) -> Any:
    """Carry out one statement; returns the first thing it finds."""
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        return (database.execute(statement).fetchone() or (None,))[0]
