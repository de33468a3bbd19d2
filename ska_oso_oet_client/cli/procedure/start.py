"""``oet procedure start``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ...errors import DeadlineError
from ...exit_status import ExitStatus
from ...model import READY, RUNNING, Procedure
from ..command import ScriptArguments, ScriptCommand
from ..following import Following, script_goes_on, status_of
from ..interruption import answered
from ..narration import raw_option
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_procedure, tell_where
from ..which import LAST, last_procedure, newest, pid_option

if TYPE_CHECKING:
    from ...client import OETClient

SHORT_WAIT = 1.0
LONG_WAIT = 14.0
"""Seconds a script that is still being prepared gets, without and then with a word about it."""


@click.command(cls=ScriptCommand)
@pid_option(LAST)
@click.option(
    "--listen",
    type=bool,
    default=True,
    show_default=True,
    help="Show events and output until the script has ended.",
)
@raw_option
@pass_settings
def start(
    settings: Settings,
    pid: int | None,
    listen: bool,
    raw: bool,
    script_arguments: ScriptArguments,
) -> ExitStatus:
    """Run the main function of a prepared script.

    All words and unknown options are the arguments of main. Only one script runs at a time.
    A script that is still being prepared gets a few seconds to be ready. While listening, Ctrl-C
    ends the listening and not the script.
    """
    with settings.client() as client:
        if pid is None:
            procedures = client.procedures()
            _refuse_id(script_arguments, procedures)
            pid = last_procedure(procedures).id
        _let_it_get_ready(client, pid)
        if not listen:
            with answered(f"Procedure {pid} may have begun"):
                procedure = client.start_procedure(pid, *script_arguments)
                show_procedure(procedure, settings)
                tell_where(procedure, client)
            return ExitStatus.DONE
        with client.follower(tell) as follower:
            follower.skip_output(pid)
            with script_goes_on(pid):
                with answered(f"Procedure {pid} may have begun"):
                    procedure = client.start_procedure(pid, *script_arguments)
                following = Following(pid, client.subarray_id, settings, show_procedure, raw)
                following.begin(procedure)
                ended = following.through(follower.follow(pid))
                following.end(ended)
    return status_of(ended)


def _refuse_id(given: ScriptArguments, procedures: Sequence[Procedure]) -> None:
    """The first word is an ID for other commands, and a number for the script here: which one?"""
    word = given.args[0] if given.args else None
    if type(word) is int and any(word == procedure.id for procedure in procedures):
        last = newest(procedures)
        raise click.UsageError(
            f"{word} is the ID of a procedure, and words are arguments of main here. To start "
            f"procedure {word}: {typed(f'procedure start --pid={word}')}. To give it to {last}: "
            f"{typed('procedure start')} -- {word}, or as a number: "
            f"{typed(f'procedure start --pid={last.id} {word}')}"
        )


def _let_it_get_ready(client: OETClient, pid: int) -> None:
    """So that ``create`` and ``start`` can follow each other; the server has the last word."""
    prepared = {READY, RUNNING}
    try:
        client.wait(pid, SHORT_WAIT, until=prepared, notify=tell)
    except DeadlineError as late:
        tell(f"Procedure {pid} is being prepared ({late.state}); waiting until it is READY")
        with suppress(DeadlineError):
            client.wait(pid, LONG_WAIT, until=prepared, notify=tell)
