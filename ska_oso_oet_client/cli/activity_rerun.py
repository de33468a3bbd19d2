"""``oet activity rerun``."""

from __future__ import annotations

from functools import partial

import click

from ..exit_status import ExitStatus
from ..script_args import ScriptArgs
from .activity import read_script_args, run_to_its_end
from .command import IdOption, OetCommand
from .narration import raw_option
from .reruns import rerun_options
from .settings import Settings, completed, pass_settings
from .switches import switch


@click.command(cls=OetCommand)
@click.option(
    "--aid",
    type=click.IntRange(0),
    cls=IdOption,
    metavar="ID",
    shell_complete=completed("activities"),
    help="ID of the activity to run once more.",
)
@click.option(
    "--script-args",
    metavar="JSON",
    callback=read_script_args,
    help="Keyword arguments per function, on top of those that it had.",
)
@rerun_options
@switch("--listen", help="Show events and output until the activity has ended.", default=True)
@raw_option
@pass_settings
def rerun(
    settings: Settings,
    aid: int | None,
    script_args: ScriptArgs | None,
    newest: bool,
    accept_changes: bool,
    listen: bool,
    raw: bool,
) -> ExitStatus:
    """Run an earlier activity once more, as a new instance of its scheduling block.

    It is the same version of the block, with the same script and arguments, and it is started if
    the earlier one was to be. While listening, Ctrl-C ends the listening and not the activity.
    """
    if aid is None:
        raise click.UsageError("--aid is missing: the ID of the activity to run once more")
    with settings.client() as client:
        request = partial(
            client.rerun_activity,
            aid,
            script_args,
            newest=newest,
            accept_changes=accept_changes,
        )
        return run_to_its_end(settings, client, request, listen, raw)
