"""``oet procedure run``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ...exit_status import ExitStatus
from ...model import READY
from ..command import ScriptArguments, ScriptCommand, json_object
from ..following import Following, script_goes_on, status_of
from ..interruption import answered
from ..narration import raw_option
from ..settings import Settings, pass_settings, tell
from ..showing import show_procedure, tell_where
from ..unstarted import made_and_started
from .script_options import script_options


@click.command(cls=ScriptCommand)
@script_options
@click.option(
    "--init_kwargs",
    metavar="JSON",
    callback=json_object,
    help="Keyword arguments of the script's init function.",
)
@click.option(
    "--listen",
    type=bool,
    default=True,
    show_default=True,
    help="Show events and output until the script has ended.",
)
@raw_option
@pass_settings
def run(
    settings: Settings,
    /,
    script_uri: str,
    script_arguments: ScriptArguments,
    init_kwargs: dict[str, Any] | None,
    listen: bool,
    raw: bool,
    **script_source: Any,
) -> ExitStatus:
    """Load the script SCRIPT_URI, start it when it is ready, and follow it to its end.

    All other words and unknown options are the arguments of its main function. Ctrl-C before main
    has begun stops the procedure, without an abort; later it ends the listening and not the script.
    """
    with settings.client() as client:
        create = partial(client.create_procedure, script_uri, (), init_kwargs, **script_source)
        if not listen:
            with made_and_started(client, create) as created:
                procedure = client.wait(created.id, until={READY}, notify=tell)
                if procedure.state == READY:
                    with answered(f"Procedure {created.id} may have begun"):
                        procedure = client.start_procedure(created.id, *script_arguments)
            show_procedure(procedure, settings)
            tell_where(procedure, client)
            return ExitStatus.SCRIPT_FAILED if procedure.is_final else ExitStatus.DONE
        with client.follower(tell) as follower:
            with made_and_started(client, create) as created:
                following = Following(created.id, client.subarray_id, settings, show_procedure, raw)
                following.begin(created)
                procedure = following.through(follower.follow(created.id, {READY}))
                if procedure.state == READY:
                    with answered(f"Procedure {created.id} may have begun"):
                        client.start_procedure(created.id, *script_arguments)
            with script_goes_on(created.id, created.is_abort):
                if procedure.state == READY:
                    procedure = following.through(follower.follow(created.id))
                following.end(procedure)
    return status_of(procedure)
