"""Tables of procedures. Times are local, because operators compare them with a clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tabulate import tabulate

from ..model import Procedure

SECONDS = "%Y-%m-%d %H:%M:%S"
MICROSECONDS = "%Y-%m-%d %H:%M:%S.%f"


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cells = [["" if cell is None else cell for cell in row] for row in rows]
    # Numbers are numbers in the first column only: a commit such as 12e4 must stay as it is.
    # (tabulate cannot name columns of a table without rows.)
    as_text = list(range(1, len(headers))) if cells else True
    return tabulate(cells, headers=headers, tablefmt="simple", disable_numparse=as_text)


def local_time(seconds: float, pattern: str) -> str:
    return datetime.fromtimestamp(seconds).strftime(pattern)


def procedure_table(procedures: Iterable[Procedure]) -> str:
    """One row per procedure. Scripts rely on id and script being the first two words of a row."""
    rows = [
        (procedure.id, procedure.script.uri, _created(procedure), procedure.state)
        for procedure in procedures
    ]
    return table(("ID", "Script", "Creation time", "State"), rows)


def _created(procedure: Procedure) -> str:
    return local_time(procedure.history[0].time, SECONDS) if procedure.history else ""
