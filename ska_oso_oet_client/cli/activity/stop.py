"""``oet activity stop``."""

from __future__ import annotations

from functools import partial

import click

from ...exit_status import ExitStatus
from ..command import OetCommand
from ..settings import Settings, pass_settings, typed
from ..stopping import run_abort_option, see_through
from ..which import TO_STOP, activity_to_stop, aid_option


@click.command(cls=OetCommand)
@aid_option(TO_STOP)
@run_abort_option
@pass_settings
def stop(settings: Settings, aid: int | None, run_abort: bool) -> ExitStatus:
    """Stop an activity with its script, and see the abort of the subarray through."""
    with settings.client() as client:
        if aid is None:
            aid = activity_to_stop(client).id
        stop_it = partial(client.stop_activity, aid, run_abort)
        seen = typed(f"activity describe --aid={aid}")
        return see_through(client, f"Activity {aid}", stop_it, seen, run_abort, settings)
