"""Tables of the OET's documents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from tabulate import tabulate

from ..model import Activity, CallArguments, Outcome, Procedure, StateChange
from ..terminal import printable, shortened
from .colour import COLOURS, painted
from .durations import ago, duration
from .fitting import WHOLE, columns, fits, fitted, paragraph, width_of
from .times import Times

_WIDEST = 300  #: characters of an argument; --output=json shows everything
PROCEDURE_ID = "Procedure ID"
SUBARRAY = "Subarray"


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Collection[str] = (),
    whole: Collection[str] = (),
) -> str:
    """``numbers`` are columns of numbers; the first column may always be one.

    ``whole`` are columns that must not be shortened here, though they are elsewhere.
    """
    # It contains text of others.
    cells = fitted(headers, [[_shown(cell) for cell in row] for row in rows], WHOLE.union(whole))
    for n, header in enumerate(headers):
        if header == "State":
            for row in cells:
                row[n] = painted(row[n], COLOURS.get(row[n].split(" ")[0]))
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
    procedures: Sequence[Procedure],
    times: Times,
    *,
    in_list: bool = False,
    with_subarray: bool = False,
) -> str:
    """One row per procedure. Scripts rely on id and script being the first two words of a row."""
    headers: tuple[str, ...] = ("ID", "Script", "Creation time", "State")
    rows: list[tuple[Any, ...]] = [
        (procedure.id, procedure.script.uri, _created(procedure.history, times), procedure.how)
        for procedure in procedures
    ]
    if with_subarray:
        headers += (SUBARRAY,)
        rows = [(*row, found.subarray) for row, found in zip(rows, procedures, strict=True)]
    return _with_more(headers, rows, procedures, SUBARRAY, in_list)


def _with_more(
    headers: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    found: Sequence[Procedure | Activity],
    number: str,
    in_list: bool,
) -> str:
    """A table with columns behind, as far as there is something in them.

    On a terminal that is too narrow for them, they are a line below each row instead.
    """
    more: dict[str, Callable[[Any], str | None]] = {"Duration": duration, "By": by}
    if in_list:
        more = {"Duration": duration, "Started": ago, "By": by}
    cells = {header: [of(one) for one in found] for header, of in more.items()}
    wide = headers + tuple(header for header in more if any(cells[header]))
    beside = list(zip(*(cells[header] for header in wide[len(headers) :]), strict=True))
    if not beside:
        return table(headers, rows, numbers=(number,))
    whole = [(*row, *others) for row, others in zip(rows, beside, strict=True)]
    if fits(wide, whole):
        return table(wide, whole, numbers=(number,))
    lines = table(headers, rows, numbers=(number,)).splitlines()
    for n, one in reversed(list(enumerate(found, 2))):
        if line := _below(one, in_list):
            lines.insert(n + 1, f"      {line}")
    return "\n".join(lines)


def _below(one: Procedure | Activity, in_list: bool) -> str:
    started, who = ago(one) if in_list else None, by(one)
    words = [duration(one), started and f"started {started}", who and f"by {who}"]
    return ", ".join(printable(word) for word in words if word)


def by(one: Procedure | Activity) -> str | None:
    """The user who started or created it, and the one who stopped it if that is another one."""
    who = one.started_by or one.created_by
    if one.stopped_by in (None, who):
        return who
    return f"{who or '?'}, stopped by {one.stopped_by}"


def activity_table(activities: Sequence[Activity], times: Times, *, in_list: bool = False) -> str:
    """One row per activity."""
    rows: list[tuple[Any, ...]] = [
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
    return _with_more(headers, rows, activities, PROCEDURE_ID, in_list)


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
    headers = ("Outcome", "Exit code", "Signal", "By", "Detail")
    row = (outcome.reason, outcome.exit_code, outcome.signal, outcome.by, detail)
    return one_row(headers, row)


def one_row(headers: Sequence[str], row: Sequence[Any], long: Sequence[str] = ()) -> str:
    """A table with nothing shortened: where it is too wide, cells are paragraphs below.

    ``long`` are the columns that leave it, in this order, as far as they must; by default the last.
    """
    cells = {header: _shown(cell) for header, cell in zip(headers, row, strict=True)}
    most = columns()
    below: dict[str, str] = {}
    for header in long or headers[-1:]:
        if most is None or width_of(list(cells), [list(cells.values())]) <= most:
            break
        text = f"{header}: {cells[header]}"
        # An address stays beside its name, and can be copied.
        below[header] = paragraph(text) if " " in str(cells.pop(header)) else text
    paragraphs = [below[header] for header in headers if header in below]
    return "\n\n".join([table(list(cells), [list(cells.values())], whole=headers), *paragraphs])


def call_row(method: str, arguments: CallArguments) -> tuple[str, str, str]:
    """A function of a script and its arguments, as they would be written in Python, if shorter."""
    args = ", ".join(_written(value) for value in arguments.args)
    kwargs = ", ".join(f"{name!r}: {_written(value)}" for name, value in arguments.kwargs.items())
    return method, f"[{args}]", f"{{{kwargs}}}"


def _written(value: Any) -> str:
    return shortened(repr(value), _WIDEST)


def _created(history: Sequence[StateChange], times: Times) -> str:
    return times.to_the_second(history[0].time) if history else ""
