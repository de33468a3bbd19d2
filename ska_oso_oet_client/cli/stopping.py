"""What the commands that stop something share: its options, and seeing the abort through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..exit_status import ExitStatus
from ..model import COMPLETE, StopResult
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

    ``what`` is stopped, and ``describe`` the command that shows what becomes of it.
    """
    with told_on_ctrl_c(f"Stopped waiting; the stop goes on. To see it: {describe}"):
        result = stop()
    if settings.as_json:
        show_json(result.document)
    else:
        click.echo(printable(result.message))
    tell(f"{what} is stopped on subarray {client.subarray_id}")
    tell_survivors(result)
    ended = ExitStatus.SCRIPT_FAILED if result.survivors else ExitStatus.DONE
    if not run_abort:
        return ended
    if result.abort_procedure is None:
        return ExitStatus.SCRIPT_FAILED
    wait = typed(f"procedure wait --pid={result.abort_procedure}")
    with told_on_ctrl_c(f"Stopped waiting; the abort goes on. To see it: {wait}"):
        abort = client.wait(result.abort_procedure, notify=tell)
    if abort.state == COMPLETE:
        tell(f"The abort (procedure {abort.id}) is complete")
        return ended
    detail = abort.outcome.detail if abort.outcome else abort.state
    tell(f"THE SUBARRAY WAS NOT ABORTED: procedure {abort.id} is {abort.state}: {detail}")
    return ExitStatus.SCRIPT_FAILED


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
