"""What the commands that stop something share: its options, and seeing the abort through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..exit_status import ExitStatus
from ..model import COMPLETE, StopResult
from .following import script_goes_on
from .settings import Settings, tell
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
    client: OETClient, result: StopResult, run_abort: bool, settings: Settings
) -> ExitStatus:
    """Tell what the stop did, and wait for the end of the abort if there is to be one."""
    if settings.as_json:
        show_json(result.document)
    else:
        click.echo(result.message)
    if result.survivors:
        tell(f"Processes of the script that are still alive: {result.survivors}")
    if not run_abort:
        return ExitStatus.DONE
    if result.abort_procedure is None:
        return ExitStatus.SCRIPT_FAILED
    with script_goes_on(result.abort_procedure):
        abort = client.wait(result.abort_procedure, notify=tell)
    if abort.state == COMPLETE:
        tell(f"The abort (procedure {abort.id}) is complete")
        return ExitStatus.DONE
    detail = abort.outcome.detail if abort.outcome else abort.state
    tell(f"THE SUBARRAY WAS NOT ABORTED: procedure {abort.id} is {abort.state}: {detail}")
    return ExitStatus.SCRIPT_FAILED
