"""``oet procedure stop``."""

from __future__ import annotations

from functools import partial

import click

from ...exit_status import ExitStatus
from ..command import OetCommand
from ..settings import Settings, pass_settings, typed
from ..stopping import run_abort_option, see_through
from ..which import TO_STOP, pid_option, procedure_to_stop


@click.command(cls=OetCommand)
@pid_option(TO_STOP)
@run_abort_option
@pass_settings
def stop(settings: Settings, pid: int | None, run_abort: bool) -> ExitStatus:
    """Stop a script and everything it has started, and see the abort of the subarray through.

    Without ID: the script that commands the telescope, RUNNING or else on its way there. An abort
    is stopped only by its ID.
    """
    with settings.client() as client:
        named = pid is not None
        if pid is None:
            pid = procedure_to_stop(client).id
        # An abort that is going on is stopped only where it is named.
        stop_it = partial(client.stop_procedure, pid, run_abort, stop_abort=named)
        seen = typed(f"procedure describe --pid={pid}")
        return see_through(client, f"Procedure {pid}", stop_it, seen, run_abort, settings)
