"""``oet procedure wait``."""

from __future__ import annotations

import math

import click

from ...exit_status import ExitStatus
from ..command import OetCommand
from ..following import script_goes_on, status_of
from ..settings import Settings, pass_settings, tell
from ..showing import show_procedure
from ..which import LAST, pid_option, procedure_to_wait_for


@click.command(cls=OetCommand)
@pid_option(LAST)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Give up waiting after this time; the script goes on.  [default: never]",
)
@pass_settings
def wait(settings: Settings, pid: int | None, timeout: float | None) -> ExitStatus:
    """Return when a script has ended; the exit status tells how."""
    if timeout is not None and not math.isfinite(timeout):
        raise click.BadParameter("must be a number of seconds", param_hint="--timeout")
    with settings.client() as client:
        found = procedure_to_wait_for(client) if pid is None else client.procedure(pid)
        with script_goes_on(found.id, found.is_abort):
            ended = client.wait(found.id, timeout, notify=tell)
    show_procedure(ended, settings)
    return status_of(ended)
