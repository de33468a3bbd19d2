"""``oet abort``."""

from __future__ import annotations

import click

from ..exit_status import ExitStatus
from ..model import COMPLETE
from .command import OetCommand
from .interruption import answered
from .settings import Settings, pass_settings, typed
from .showing import show_json
from .stopping import see_abort


@click.command(cls=OetCommand)
@click.option(
    "--restart",
    type=bool,
    default=False,
    metavar="",
    help="Restart the subarray next, so that it is EMPTY and can observe again.",
)
@pass_settings
def abort(settings: Settings, restart: bool) -> ExitStatus:
    """Abort what the subarray is doing, where no script runs.

    It is the abort of a stop, for when that has failed or nothing was stopped. While a script runs
    it is refused: stop that one instead. Ctrl-C ends the waiting and not the abort.
    """
    with settings.client() as client:
        with answered(f"The abort may have begun; to see it: {typed('procedure list')}"):
            begun = client.abort(restart)
        ended = see_abort(client, begun.id)
    if settings.as_json:
        show_json(ended.document)
    return ExitStatus.DONE if ended.state == COMPLETE else ExitStatus.SCRIPT_FAILED
