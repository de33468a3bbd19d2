"""``oet abort``, and the waiting for an abort that all stopping commands share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ..errors import OETError, UnreachableError
from ..exit_status import ExitStatus
from ..model import COMPLETE, Procedure, StopResult
from ..terminal import printable
from .command import OetCommand
from .following import told_on_ctrl_c
from .interruption import answered
from .live import can_redraw, waiting
from .settings import Settings, pass_settings, tell, typed
from .showing import show_json
from .switches import flag, switch

if TYPE_CHECKING:
    from ..client import OETClient


run_abort_option = switch(
    "--run_abort", help="Abort what the subarray is doing, once the script is gone.", default=True
)


def see_through(
    client: OETClient,
    what: str,
    stop: Callable[[], StopResult],
    describe: str,
    run_abort: bool,
    settings: Settings,
) -> ExitStatus:
    """Stop, report the result, and wait for the end of the abort if there is one.

    ``what`` names the object to stop, ``describe`` the command that shows its state. The abort of
    the subarray is reported only when it has ended.
    """
    try:
        with (
            told_on_ctrl_c(f"Stopped waiting; the stop goes on. To see it: {describe}"),
            waiting(stop_in_stages(what.lower(), settings)),
        ):
            result = stop()
    except UnreachableError as error:
        if error.sent:
            tell(f"{what} may have been stopped, or will be. To see it: {describe}")
        raise
    tell(f"{what} is stopped on subarray {client.subarray_id}")
    tell_survivors(result)
    good = True
    if run_abort and result.simulated:
        tell("It was a dry run: there is nothing to abort")
    elif run_abort and result.abort_procedure is None:
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
    """Wait for the end of an abort, and report its outcome and the subarray's obsState."""
    subarray = f"subarray {client.subarray_id}"
    see = typed(f"procedure wait --pid={pid}")
    tell(f"Aborting {subarray} (procedure {pid}) ...")
    try:
        with (
            told_on_ctrl_c(f"Stopped waiting; the abort of {subarray} goes on. To see it: {see}"),
            waiting(f"aborting {subarray}"),
        ):
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
    """The most urgent warning, with the operator's next step."""
    tell(f"THE SUBARRAY WAS NOT ABORTED: {why}")
    tell(f"It may still move and record. To abort it, when the reason is gone: {typed('abort')}")


def tell_survivors(result: StopResult) -> None:
    """Name the processes that could not be ended, and the operator's next step."""
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
        "Such a process ends when the disk or file server that it waits for answers: have that "
        "repaired, or the server's machine restarted. Until then it may wake and act"
    )


TOPIC = "procedure.lifecycle.stopping"
_DOING = {
    "kill": "killing what is left",
    "verified": "all of it is gone",
    "survivors": "not all of it ends",
}


def stop_in_stages(what: str, settings: Settings) -> Callable[[], str]:
    """Show the stages of the stop of ``what``, from the server's events if it takes a while."""
    heard: list[str] = []
    listeners: list[threading.Thread] = []

    def tell() -> str:
        if not listeners and can_redraw():
            # As a daemon, so that it does not delay the end of the command.
            listeners.append(threading.Thread(target=_listen, args=(settings, heard), daemon=True))
            listeners[0].start()
        return f"stopping {what}: {_DOING[heard[-1]] if heard else 'asked it to end'}"

    return tell


def _listen(settings: Settings, heard: list[str]) -> None:
    from ..errors import OETError

    # For display only: the result of the stop is the answer to the request.
    with suppress(OETError), settings.any_client() as client:
        for event in client.events(topics=[TOPIC], notify=lambda sentence: None):
            if event.fields.get("stage") in _DOING:
                heard.append(event.fields["stage"])


@click.command(cls=OetCommand)
@flag("--restart", help="Restart the subarray next, so that it is EMPTY and can observe again.")
@pass_settings
def abort(settings: Settings, restart: bool) -> ExitStatus:
    """Abort what the subarray is doing, if no script runs.

    It runs the abort script as a stop does: use it if that abort has failed, or if nothing was
    stopped. It is refused while a script runs: stop that one instead. Ctrl-C ends the waiting and
    not the abort.
    """
    with settings.client() as client:
        with answered(f"The abort may have begun; to see it: {typed('procedure list')}"):
            begun = client.abort(restart)
        ended = see_abort(client, begun.id)
    if settings.as_json:
        show_json(ended.document)
    return ExitStatus.DONE if ended.state == COMPLETE else ExitStatus.SCRIPT_FAILED
