"""Tables of what the OET knows. Times are local, because operators compare them with a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from tabulate import tabulate

from ..model import Activity, CallArguments, Outcome, Procedure, StateChange
from ..wording import printable

SECONDS = "%Y-%m-%d %H:%M:%S"
MICROSECONDS = "%Y-%m-%d %H:%M:%S.%f"
PROCEDURE_ID = "Procedure ID"
SUBARRAY = "Subarray"


def table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Collection[str] = ()
) -> str:
    """``numbers`` are columns of numbers; the first column may always be one."""
    # Much of it is words of others.
    cells = [[_shown(cell) for cell in row] for row in rows]
    # Other numbers are text: a commit such as 12e4 must stay as it is.
    # (tabulate cannot name columns of a table without rows.)
    as_text = [n for n, header in enumerate(headers) if n and header not in numbers]
    return tabulate(
        cells, headers=headers, tablefmt="simple", disable_numparse=as_text if cells else True
    )


def _shown(cell: Any) -> Any:
    if cell is None:
        return ""
    return printable(cell) if isinstance(cell, str) else cell


def local_time(seconds: float, pattern: str) -> str:
    try:
        return datetime.fromtimestamp(seconds).strftime(pattern)
    except (ValueError, OverflowError, OSError):
        return "beyond all calendars"


def procedure_table(procedures: Sequence[Procedure], with_subarray: bool = False) -> str:
    """One row per procedure. Scripts rely on id and script being the first two words of a row."""
    headers: tuple[str, ...] = ("ID", "Script", "Creation time", "State")
    rows: list[tuple[Any, ...]] = [
        (procedure.id, procedure.script.uri, _created(procedure.history), procedure.state)
        for procedure in procedures
    ]
    if with_subarray:
        headers += (SUBARRAY,)
        rows = [(*row, found.subarray) for row, found in zip(rows, procedures, strict=True)]
    return table(headers, rows, numbers=(SUBARRAY,))


def activity_table(activities: Iterable[Activity]) -> str:
    """One row per activity."""
    rows = [
        (
            activity.id,
            activity.activity_name,
            activity.sbd_id,
            _created(activity.history),
            activity.procedure_id,
            activity.state,
        )
        for activity in activities
    ]
    headers = ("ID", "Activity", "SB ID", "Creation Time", PROCEDURE_ID, "State")
    return table(headers, rows, numbers=(PROCEDURE_ID,))


def history_table(
    history: Iterable[StateChange], name_of: Callable[[str], str] = lambda state: state
) -> str:
    """States with the times when they began."""
    rows = [(local_time(change.time, MICROSECONDS), name_of(change.state)) for change in history]
    return table(("Time", "State"), rows)


def outcome_table(outcome: Outcome) -> str:
    detail = " ".join((outcome.detail or "").split())
    row = (outcome.reason, outcome.exit_code, outcome.signal, outcome.by, detail)
    return table(("Outcome", "Exit code", "Signal", "By", "Detail"), [row])


def call_row(method: str, arguments: CallArguments) -> tuple[str, str, str]:
    """A function of a script and its arguments, as they would be written in Python."""
    return method, repr(list(arguments.args)), repr(dict(arguments.kwargs))


def _created(history: Sequence[StateChange]) -> str:
    return local_time(history[0].time, SECONDS) if history else ""
