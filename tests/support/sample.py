"""A journal with some history: the dump of one that a server has written."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

_DUMP = Path(__file__).with_suffix(".sql")

LAST_MESSAGE, LAST_PROCEDURE = 85, 4


def make(file: Path) -> Path:
    """Write the journal to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(_DUMP.read_text())
    return file


def dump(file: Path) -> list[str]:
    """Everything that is in a database."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def sql(file: Path, statement: str) -> Any:
    """Carry out one statement; returns the first value of its result."""
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        return (database.execute(statement).fetchone() or (None,))[0]
