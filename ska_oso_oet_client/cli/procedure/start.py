"""``oet procedure start``, ``wait`` and ``stop``."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from ...errors import DeadlineError
from ...exit_status import ExitStatus
from ...model import READY, RUNNING, Procedure
from ..command import OetCommand, ScriptArguments, ScriptCommand
from ..default_ids import (
    LAST,
    TO_STOP,
    last_procedure,
    newest,
    pid_option,
    procedure_to_stop,
    procedure_to_wait_for,
)
from ..following import Following, script_goes_on, status_of, told_on_ctrl_c
from ..interruption import answered
from ..live import Told, can_redraw, waiting
from ..narration import raw_option
from ..progress import ProgressLine
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_procedure, tell_where
from ..stopping import run_abort_option, see_through
from ..switches import flag, switch

if TYPE_CHECKING:
    from ...client import OETClient


SHORT_WAIT = 1.0
LONG_WAIT = 14.0
"""Seconds a script that is still being prepared gets, without and then with a word about it."""


@click.command(cls=ScriptCommand)
@pid_option(LAST)
@switch("--listen", help="Show events and output until the script has ended.", default=True)
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

    All words and unknown options are the arguments of main; words after -- are text, whatever they
    look like. Only one script runs at a time.
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
            printed = client.output(pid, tail=0).next
            with script_goes_on(pid):
                with answered(f"Procedure {pid} may have begun"):
                    procedure = client.start_procedure(pid, *script_arguments)
                following = Following(pid, client.subarray_id, settings, show_procedure, raw)
                following.begin(procedure)
                ended = following.through(follower.follow(pid, after=printed), client.trouble)
                following.end(ended)
    return status_of(ended)


def _refuse_id(given: ScriptArguments, procedures: Sequence[Procedure]) -> None:
    """Refuse a number as first word: it may be an ID, as in other commands, or an argument.

    IDs are consecutive, and users know more of them than are listed.
    """
    word = given.args[0] if given.args else None
    last = newest(procedures)
    if type(word) is int and 0 < word <= max(found.id for found in procedures):
        raise click.UsageError(
            f"{word} is the ID of a procedure, and words are arguments of main here. To start "
            f"procedure {word}: {typed(f'procedure start --pid={word}')}. To give it to {last}: "
            f"{typed('procedure start')} -- {word}, or as a number: "
            f"{typed(f'procedure start --pid={last.id} {word}')}"
        )


def _let_it_get_ready(client: OETClient, pid: int) -> None:
    """Wait a moment for READY, so that ``start`` can follow ``create``; the server decides."""
    prepared = {READY, RUNNING}
    again, stop = (typed(f"procedure {word} --pid={pid}") for word in ("start", "stop"))
    with told_on_ctrl_c(
        f"Procedure {pid} was not started; it is still being prepared. "
        f"To start it: {again}; to stop it: {stop}"
    ):
        try:
            client.wait(pid, SHORT_WAIT, until=prepared, notify=tell)
        except DeadlineError as late:
            tell(f"Procedure {pid} is being prepared ({late.state}); waiting until it is READY")
            with suppress(DeadlineError), waiting(f"preparing procedure {pid}", lines=False):
                client.wait(pid, LONG_WAIT, until=prepared, notify=tell)


@click.command(cls=OetCommand)
@pid_option(LAST)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Give up waiting after this time; the script goes on.  [default: never]",
)
@flag("--progress", help="Show how far the script is.")
@pass_settings
def wait(settings: Settings, pid: int | None, timeout: float | None, progress: bool) -> ExitStatus:
    """Return when a script has ended; the exit status tells how."""
    if timeout is not None and not math.isfinite(timeout):
        raise click.BadParameter("must be a number of seconds", param_hint="--timeout")
    with settings.client() as client:
        found = procedure_to_wait_for(client) if pid is None else client.procedure(pid)
        began = time.monotonic()
        what = f"waiting for the end of procedure {found.id}"
        line = ProgressLine(redrawn=can_redraw())

        def told() -> Told:
            how_far = line.doing(began) if can_redraw() else None
            return client.trouble() or how_far or (what, began)

        with (
            script_goes_on(found.id, found.is_abort, "procedure wait"),
            waiting(told),
        ):
            watch = partial(line.look, progress=progress)
            ended = client.wait(found.id, timeout, notify=tell, watch=watch)
    show_procedure(ended, settings)
    return status_of(ended)


@click.command(cls=OetCommand)
@pid_option(TO_STOP)
@run_abort_option
@flag("--force", help="Interrupt it even where it does not want to be interrupted.")
@pass_settings
def stop(settings: Settings, pid: int | None, run_abort: bool, force: bool) -> ExitStatus:
    """Stop a script and everything it has started, and see the abort of the subarray through.

    Without ID: the script that commands the telescope, RUNNING or else on its way there. An abort
    is stopped only by its ID.
    """
    with settings.client() as client:
        named = pid is not None
        if pid is None:
            pid = procedure_to_stop(client).id
        # A running abort is stopped only by its ID.
        stop_it = partial(client.stop_procedure, pid, run_abort, stop_abort=named, force=force)
        seen = typed(f"procedure describe --pid={pid}")
        return see_through(client, f"Procedure {pid}", stop_it, seen, run_abort, settings)
