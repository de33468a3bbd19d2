"""``oet procedure create``."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import click

from ...exit_status import ExitStatus
from ...model import READY
from ..command import ScriptArguments, ScriptCommand
from ..following import Following, script_goes_on, status_of
from ..interruption import answered
from ..narration import raw_option
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_procedure, tell_where
from .script_options import script_options


@click.command(cls=ScriptCommand)
@script_options
@click.option(
    "--listen",
    type=bool,
    default=False,
    show_default=True,
    help="Show events and output until the script is ready or has failed.",
)
@raw_option
@pass_settings
def create(
    settings: Settings,
    /,
    script_uri: str,
    script_arguments: ScriptArguments,
    listen: bool,
    raw: bool,
    **script_source: Any,
) -> ExitStatus:
    """Load the script SCRIPT_URI, file:///path.py or git://path/in/repository.py.

    All other words and unknown options are the arguments of its init function, which also gets
    the subarray as subarray_id. Ten procedures are listed; for an eleventh one that has ended
    leaves the list, or where none has, the oldest that is READY is ended.
    """
    otherwise = f"The procedure may have been made; to see it: {typed('procedure list')}"
    with settings.client() as client:
        create_it = partial(client.create_procedure, script_uri, *script_arguments, **script_source)
        if not listen:
            with answered(otherwise):
                procedure = create_it()
                show_procedure(procedure, settings)
                tell_where(procedure, client)
            return ExitStatus.DONE
        with client.follower(tell) as follower, ExitStack() as stack:
            with answered(otherwise):
                procedure = create_it()
                stack.enter_context(script_goes_on(procedure.id, procedure.is_abort))
            following = Following(procedure.id, client.subarray_id, settings, show_procedure, raw)
            following.begin(procedure)
            prepared = following.through(follower.follow(procedure.id, {READY}))
            following.end(prepared)
    return status_of(prepared, good=(READY,))
