"""What the commands that stop something share: its options, and seeing the abort through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import OETError
from ..exit_status import ExitStatus
from ..model import COMPLETE, Procedure, StopResult
from ..terminal import printable
from .following import told_on_ctrl_c
from .settings import Settings, tell, typed
from .showing import show_json

if TYPE_CHECKING:
    from ..client import OETClient


def run_abort_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--run_abort``"""
    decorate = click.option(
        "--run_abort",
        type=bool,
        default=True,
        show_default=True,
        help="Abort what the subarray is doing, once the script is gone.",
    )
    return decorate(function)


def see_through(
    client: OETClient,
    what: str,
    stop: Callable[[], StopResult],
    describe: str,
    run_abort: bool,
    settings: Settings,
) -> ExitStatus:
    """Stop, tell what that did, and wait for the end of the abort if there is to be one.

    ``what`` is stopped, and ``describe`` the command that shows what becomes of it. That the
    subarray was aborted is said when it was, and not before.
    """
    with told_on_ctrl_c(f"Stopped waiting; the stop goes on. To see it: {describe}"):
        result = stop()
    tell(f"{what} is stopped on subarray {client.subarray_id}")
    tell_survivors(result)
    good = True
    if run_abort and result.abort_procedure is None:
        tell_not_aborted(result.not_aborted or result.message)
        good = False
    elif run_abort and result.abort_procedure is not None:
        abort = see_abort(client, result.abort_procedure)
        good = abort.state == COMPLETE
        result = result.after(abort)
    if settings.as_json:
        show_json(result.document)
    else:
        click.echo(printable(result.message if good else result.stopped))
    return ExitStatus.DONE if good and not result.survivors else ExitStatus.SCRIPT_FAILED


def see_abort(client: OETClient, pid: int) -> Procedure:
    """Wait for the end of an abort, and tell how it ended and where the subarray is."""
    subarray = f"subarray {client.subarray_id}"
    see = typed(f"procedure wait --pid={pid}")
    tell(f"Aborting {subarray} (procedure {pid}) ...")
    try:
        with told_on_ctrl_c(f"Stopped waiting; the abort of {subarray} goes on. To see it: {see}"):
            abort = client.wait(pid, notify=tell)
    except OETError:
        tell(f"The abort of {subarray} may still go on. To see it: {see}")
        raise
    said = abort.outcome.detail if abort.outcome else None
    if abort.state == COMPLETE:
        said = said or f"the abort of {subarray} is complete; its script does not say where that is"
        tell(f"{said[0].upper()}{said[1:]}")
    else:
        tell_not_aborted(f"procedure {pid} is {abort.state}: {said or 'no reason given'}")
    return abort


def tell_not_aborted(why: str) -> None:
    """The loudest there is, and what to do."""
    tell(f"THE SUBARRAY WAS NOT ABORTED: {why}")
    tell(f"It may still move and record. To abort it, when the reason is gone: {typed('abort')}")


def tell_survivors(result: StopResult) -> None:
    """Name what could not be ended, and say what to do about it."""
    if not result.survivors:
        return
    for process in result.survivor_processes:
        tell(
            f"NOT EVERYTHING HAS ENDED: process {process.pid} ({process.command}) is in kernel "
            f"state {process.state} and outlives even SIGKILL"
        )
    unnamed = result.survivors - len(result.survivor_processes)
    if unnamed > 0:
        tell(f"NOT EVERYTHING HAS ENDED: processes of the script that are still alive: {unnamed}")
    tell(
        "It ends as soon as what it waits for answers, a disk or a file server say: have that "
        "repaired, or the server's machine restarted. Until then it may still act when it wakes"
    )
