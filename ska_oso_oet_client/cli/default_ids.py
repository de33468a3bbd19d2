"""Selects the procedure or activity of a command: by its ID, else by one rule.

Without an ID, commands that start or show something select the last one created, except the abort
after a stop. A stop selects the one that commands the telescope, or is most likely to do so next,
and never an abort. The choice is reported on stderr.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import RefusedError
from ..model import PREPARED, READY, RUNNING, Activity, Procedure, commanding
from .command import IdOption
from .settings import completed, tell, typed

if TYPE_CHECKING:
    from ..client import OETClient

LAST = "the last one created"
TO_STOP = "the running one, else one that is being prepared"

_REQUESTED = "REQUESTED"


def pid_option(meaning: str) -> Callable[[Any], Any]:
    """``--pid``, or the ID as first word; ``meaning`` describes the default."""
    return _id_option("--pid", "procedure", "procedures", meaning)


def aid_option(meaning: str) -> Callable[[Any], Any]:
    """The same for activities: ``--aid``."""
    return _id_option("--aid", "activity", "activities", meaning)


def _id_option(name: str, kind: str, kinds: str, meaning: str) -> Callable[[Any], Any]:
    return click.option(
        name,
        type=click.IntRange(0),
        cls=IdOption,
        metavar="ID",
        shell_complete=completed(kinds),
        help=f"ID of the {kind}.  [default: {meaning}]",
    )


def newest(procedures: Sequence[Procedure]) -> Procedure:
    """The last one created, without a report."""
    if not procedures:
        raise RefusedError(
            f"There is no procedure yet; load a script with: {typed('procedure create')}"
        )
    return max(procedures, key=lambda found: (found.aborts is None, found.id))


def last_procedure(procedures: Sequence[Procedure]) -> Procedure:
    """The procedure that a command without an ID starts or shows."""
    last = newest(procedures)
    sentence = f"{_capital(last)} is meant, {LAST}"
    busy = _other_in_command(last, procedures)
    tell(sentence if busy is None else f"{sentence}; {busy} is {busy.state}")
    return last


def procedure_to_wait_for(client: OETClient) -> Procedure:
    """The last one, unless it cannot be started because another one runs."""
    procedures = client.procedures()
    last = newest(procedures)
    busy = _other_in_command(last, procedures)
    if last.state == READY and busy is not None:
        raise RefusedError(
            f"{_capital(last)} waits to be started; to wait for the end of procedure {busy.id}: "
            + typed(f"procedure wait --pid={busy.id}")
        )
    return last_procedure(procedures)


def procedure_to_stop(client: OETClient) -> Procedure:
    """Never an abort, whose stop would leave the subarray in an unknown state."""
    procedures = client.procedures()
    found = commanding(procedure for procedure in procedures if not procedure.is_abort)
    if found is not None:
        tell(f"{_capital(found)} is meant, which is {found.state} on subarray {client.subarray_id}")
        return found
    raise RefusedError(_why_nothing_to_stop(procedures, client.subarray_id))


def _why_nothing_to_stop(procedures: Sequence[Procedure], subarray_id: int) -> str:
    abort = commanding(procedures)
    if abort is not None:
        return (
            f"Nothing is running on subarray {subarray_id} but an abort, {abort}, which is stopped "
            f"only by its ID: {typed(f'procedure stop --pid={abort.id}')}"
        )
    why = f"Nothing is running on subarray {subarray_id}"
    ready = [found for found in procedures if found.state == READY]
    if not ready:
        return f"{why}; to abort what it is doing all the same: {typed('abort')}"
    return f"{why}. {_capital(ready[-1])} waits to be started; to stop it: " + typed(
        f"procedure stop --pid={ready[-1].id}"
    )


def last_activity(client: OETClient) -> Activity:
    """The activity that a command without an ID shows."""
    activity = client.last_activity()
    if activity is None:
        raise RefusedError(f"There is no activity yet; run one with: {typed('activity run')}")
    tell(f"{_capital(activity)} is meant, {LAST}")
    return activity


def activity_to_stop(client: OETClient) -> Activity:
    """The one that is running, else the newest whose script is being prepared."""
    activities = client.activities()
    for state in (RUNNING, _REQUESTED):
        found = [activity for activity in activities if activity.state == state]
        if found:
            sentence = f"is meant, which is {state} on subarray {client.subarray_id}"
            tell(f"{_capital(found[-1])} {sentence}")
            return found[-1]
    why = f"No activity is running on subarray {client.subarray_id}. "
    prepared = [activity for activity in activities if activity.state == PREPARED]
    if prepared:
        why += (
            f"{_capital(prepared[-1])} waits to be started; to stop it: "
            f"{typed(f'activity stop --aid={prepared[-1].id}')}. "
        )
    raise RefusedError(
        f"{why}To stop a script that was started without an activity: {typed('procedure stop')}"
    )


def _other_in_command(one: Procedure, procedures: Sequence[Procedure]) -> Procedure | None:
    return commanding(found for found in procedures if found.id != one.id)


def _capital(named: Procedure | Activity) -> str:
    text = str(named)
    return text[0].upper() + text[1:]
