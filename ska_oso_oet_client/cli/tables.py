"""Tables of what the OET knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from tabulate import tabulate

from ..model import Activity, CallArguments, Outcome, Procedure, StateChange
from ..terminal import printable, shortened
from .times import Times

_WIDEST = 60  #: characters of an argument; --output=json shows everything
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


def procedure_table(
    procedures: Sequence[Procedure], times: Times, with_subarray: bool = False
) -> str:
    """One row per procedure. Scripts rely on id and script being the first two words of a row."""
    headers: tuple[str, ...] = ("ID", "Script", "Creation time", "State")
    rows: list[tuple[Any, ...]] = [
        (procedure.id, procedure.script.uri, _created(procedure.history, times), procedure.state)
        for procedure in procedures
    ]
    if with_subarray:
        headers += (SUBARRAY,)
        rows = [(*row, found.subarray) for row, found in zip(rows, procedures, strict=True)]
    return table(headers, rows, numbers=(SUBARRAY,))


def activity_table(activities: Iterable[Activity], times: Times) -> str:
    """One row per activity."""
    rows = [
        (
            activity.id,
            activity.activity_name,
            activity.sbd_id,
            _created(activity.history, times),
            activity.procedure_id,
            activity.state,
        )
        for activity in activities
    ]
    headers = ("ID", "Activity", "SB ID", "Creation Time", PROCEDURE_ID, "State")
    return table(headers, rows, numbers=(PROCEDURE_ID,))


def history_table(
    history: Iterable[StateChange],
    times: Times,
    name_of: Callable[[str], str] = lambda state: state,
) -> str:
    """States with the times when they began."""
    rows = [(times.to_the_microsecond(change.time), name_of(change.state)) for change in history]
    return table(("Time", "State"), rows)


def outcome_table(outcome: Outcome) -> str:
    detail = " ".join((outcome.detail or "").split())
    row = (outcome.reason, outcome.exit_code, outcome.signal, outcome.by, detail)
    return table(("Outcome", "Exit code", "Signal", "By", "Detail"), [row])


def call_row(method: str, arguments: CallArguments) -> tuple[str, str, str]:
    """A function of a script and its arguments, as they would be written in Python, if shorter."""
    args = ", ".join(_written(value) for value in arguments.args)
    kwargs = ", ".join(f"{name!r}: {_written(value)}" for name, value in arguments.kwargs.items())
    return method, f"[{args}]", f"{{{kwargs}}}"


def _written(value: Any) -> str:
    return shortened(repr(value), _WIDEST)


def _created(history: Sequence[StateChange], times: Times) -> str:
    return times.to_the_second(history[0].time) if history else ""
