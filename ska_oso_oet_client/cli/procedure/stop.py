"""``oet procedure stop``."""

from __future__ import annotations

from functools import partial

import click

from ...exit_status import ExitStatus
from ..command import OetCommand
from ..settings import Settings, pass_settings, typed
from ..stopping import run_abort_option, see_through
from .choice import pid_option, running


@click.command(cls=OetCommand)
@pid_option("the running one")
@run_abort_option
@pass_settings
def stop(settings: Settings, pid: int | None, run_abort: bool) -> ExitStatus:
    """Stop a script and everything it has started, and see the abort of the subarray through."""
    with settings.client() as client:
        if pid is None:
            pid = running(client).id
        stop_it = partial(client.stop_procedure, pid, run_abort)
        seen = typed(f"procedure describe --pid={pid}")
        return see_through(client, stop_it, seen, run_abort, settings)
