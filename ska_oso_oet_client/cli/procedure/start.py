"""``oet procedure start``."""

from __future__ import annotations

import click

from ...exit_status import ExitStatus
from ..command import ScriptArguments, ScriptCommand
from ..following import Following, script_goes_on, status_of
from ..settings import Settings, pass_settings, tell
from ..showing import show_procedure
from .choice import last_created, pid_option


@click.command(cls=ScriptCommand)
@pid_option("the last one created")
@click.option(
    "--listen",
    type=bool,
    default=True,
    show_default=True,
    help="Show events and output until the script has ended.",
)
@pass_settings
def start(
    settings: Settings, pid: int | None, listen: bool, script_arguments: ScriptArguments
) -> ExitStatus:
    """Run the main function of a prepared script.

    All words and unknown options are the arguments of main. Only one script runs at a time.
    While listening, Ctrl-C ends the listening and not the script.
    """
    with settings.client() as client:
        if pid is None:
            pid = last_created(client).id
        if not listen:
            show_procedure(client.start_procedure(pid, *script_arguments), settings)
            return ExitStatus.DONE
        with client.follower(tell) as follower:
            follower.skip_output(pid)
            procedure = client.start_procedure(pid, *script_arguments)
            with script_goes_on(pid):
                following = Following(pid, client.subarray_id, settings)
                following.begin(procedure)
                ended = following.until(follower)
                following.end(ended)
    return status_of(ended)
