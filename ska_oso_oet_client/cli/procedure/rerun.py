"""``oet procedure rerun``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ...exit_status import ExitStatus
from ...model import CallArguments
from ..command import IdOption, ScriptArguments, ScriptCommand
from ..interruption import answered
from ..narration import raw_option
from ..reruns import rerun_options, tell_rerun
from ..settings import Settings, completed, pass_settings, typed
from ..showing import show_procedure, tell_evicted, tell_where
from ..switches import flag, switch
from ..values import json_object
from .run import run_to_its_end


@click.command(cls=ScriptCommand)
@click.option(
    "--pid",
    type=click.IntRange(0),
    cls=IdOption,
    metavar="ID",
    shell_complete=completed("procedures"),
    help="ID of the procedure to run once more.",
)
@rerun_options
@flag("--start", help="Start it when it is ready, and follow it to its end.")
@click.option(
    "--init_kwargs",
    metavar="JSON",
    callback=json_object,
    help="Keyword arguments of the script's init function, over those it had.",
)
@switch("--listen", help="With --start: show events and output.", default=True)
@raw_option
@pass_settings
def rerun(
    settings: Settings,
    /,
    pid: int | None,
    script_arguments: ScriptArguments,
    newest: bool,
    accept_changes: bool,
    start: bool,
    init_kwargs: dict[str, Any] | None,
    listen: bool,
    raw: bool,
) -> ExitStatus:
    """Load the script of an earlier procedure once more, and prepare it.

    It is the same commit, environment and arguments; of a file, the same content. All other words
    and unknown options go over the arguments of its main function: keywords one by one, words all
    together. What differs from the earlier procedure is told. To run an activity once more, use
    oet activity rerun.
    """
    if pid is None:
        raise click.UsageError(_which(script_arguments))
    with settings.client() as client:
        create = partial(
            client.rerun_procedure,
            pid,
            *script_arguments,
            init=CallArguments(kwargs=init_kwargs or {}),
            newest=newest,
            accept_changes=accept_changes,
        )
        if start:
            if not client.procedure(pid).simulated:  # a dry run needs no subarray
                client.require_none_running()
            nothing = ScriptArguments([], {})  # main has them already
            return run_to_its_end(settings, client, create, nothing, listen, raw, tell_rerun)
        with answered(f"The procedure may have been made; to see it: {typed('procedure list')}"):
            procedure = create()
            show_procedure(procedure, settings)
            tell_where(procedure, client)
            tell_rerun(procedure)
            tell_evicted(procedure, client)
    return ExitStatus.DONE


def _which(given: ScriptArguments) -> str:
    word = given.args[0] if given.args else None
    if type(word) is not int or word < 0:
        return "--pid is missing: the ID of the procedure to run once more"
    return (
        "--pid is missing, and words are arguments of main here. "
        f"To run procedure {word} once more: " + typed(f"procedure rerun --pid={word}")
    )
