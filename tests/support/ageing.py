"""Makes the state directory of a server older than it is."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

DAY = 86400.0


def age(state: Path, days: float) -> None:
    """Let everything that is there have happened so much earlier."""
    back = days * DAY
    with contextlib.closing(sqlite3.connect(state / "journal.db", timeout=20)) as database, database:
        database.execute("UPDATE messages SET time = time - ?", (back,))
        database.execute("UPDATE audit SET time = time - ?", (back,))
        for table, key in (("procedures", "pid"), ("documents", "id")):
            for i, text in database.execute(f"SELECT {key}, document FROM {table}").fetchall():
                document = json.dumps(_earlier(json.loads(text), back))
                database.execute(f"UPDATE {table} SET document = ? WHERE {key} = ?", (document, i))
    for folder in (*state.glob("runs/*"), *state.glob("activities/*")):
        at = folder.stat().st_mtime - back
        os.utime(folder, (at, at))


def _earlier(document: dict[str, Any], back: float) -> dict[str, Any]:
    for states in (
        document.get("history", {}).get("process_states", []),
        document.get("activity_states", []),
    ):
        for entry in states:
            entry[1] -= back
    return document
