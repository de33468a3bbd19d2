"""``oet procedure list``, ``describe`` and ``logs``."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from ..command import OetCommand
from ..default_ids import LAST, last_procedure, pid_option
from ..following import script_goes_on
from ..listing import nothing, refuse_beside, selection_options
from ..live import Told, can_redraw, waiting
from ..narration import JsonNarrator, Narrator, TextNarrator, TimedNarrator, raw_option
from ..settings import Settings, pass_settings, tell, typed
from ..showing import list_procedures, show_json
from ..switches import flag, switch


@click.command("list", cls=OetCommand)
@pid_option("the ten newest")
@flag("--all-subarrays", help="Show runs on all subarrays from the central history.")
@selection_options
@pass_settings
def list_(
    settings: Settings,
    /,
    pid: int | None,
    all_subarrays: bool,
    everything: bool,
    **selection: Any,
) -> None:
    """Show the ten newest procedures, or the one with the given ID, oldest first.

    Of more than ten, those that have ended leave the list first; --all shows them too.
    """
    if all_subarrays and pid is not None:
        raise click.UsageError("--pid is the ID of one subarray; leave it out, or --all-subarrays")
    refuse_beside("--pid", pid, selection, everything)
    with settings.client() as client:
        if all_subarrays:
            procedures = client.procedures_of_all_subarrays(
                **{**selection, "limit": selection["limit"] or 50}
            )
        elif pid is not None:
            procedures = [client.procedure(pid)]
        else:
            procedures = client.procedures(all=everything, **selection)
    if settings.as_json:
        show_json([dict(procedure.document) for procedure in procedures])
        return
    list_procedures(procedures, settings, all_subarrays)
    if not procedures and any(value is not None for value in selection.values()):
        tell(nothing("procedure", everything))
    elif not procedures:
        tell(f"No procedures yet; load a script with: {typed('procedure create')}")


@click.command(cls=OetCommand)
@pid_option(LAST)
@pass_settings
def describe(settings: Settings, pid: int | None) -> None:
    """Show a procedure's arguments, its states with their times, and how it ended."""
    with settings.client() as client:
        procedure = last_procedure(client.procedures()) if pid is None else client.procedure(pid)
    if settings.as_json:
        show_json(procedure.document)
        return
    from ..description import describe_procedure

    click.echo(describe_procedure(procedure, settings.times))


_STREAMS = ("stdout", "stderr", "oet")


def _streams(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    names = [name.strip() for name in (value or "").split(",") if name.strip()]
    for name in names:
        if name not in _STREAMS:
            raise click.BadParameter(f"{name} is not one of {', '.join(_STREAMS)}", context, option)
    return names


@click.command(cls=OetCommand)
@pid_option(LAST)
@switch("--follow", help="Follow the output until the script has ended.")
@click.option(
    "--tail",
    type=click.IntRange(0),
    metavar="N",
    help="Begin with the last N lines; with --follow, 0 is new lines only.  [default: all]",
)
@click.option(
    "--stream",
    "streams",
    callback=_streams,
    metavar="NAMES",
    help="Only stdout, stderr, or both with a comma.  [default: all, in order]",
)
@flag("--timestamps", help="Show the time before each line.")
@raw_option
@pass_settings
def logs(
    settings: Settings,
    pid: int | None,
    follow: bool,
    tail: int | None,
    streams: list[str],
    timestamps: bool,
    raw: bool,
) -> None:
    """Show the output of a script."""
    with settings.client() as client:
        if pid is None:
            pid = last_procedure(client.procedures()).id
        goes_on: AbstractContextManager[None] = nullcontext()
        if follow:
            chunks = client.live_output(pid, tail=tail, streams=streams, notify=tell)
            goes_on = script_goes_on(pid, client.procedure(pid).is_abort)
        else:
            chunks = client.all_output(pid, tail=tail, streams=streams)
        printed_at = time.monotonic()

        def quiet() -> Told:
            asleep = f"procedure {pid} has printed nothing for"
            return (asleep, printed_at) if follow and can_redraw() else None

        narrator: Narrator = TextNarrator(client.subarray_id, raw=raw)
        if settings.as_json:
            narrator = JsonNarrator(pid)
        elif timestamps:
            narrator = TimedNarrator(client.subarray_id, settings.times, raw)
        try:
            with goes_on, waiting(lambda: client.trouble() or quiet()) as live:
                for chunk in chunks:
                    with live.aside():
                        narrator.output(chunk)
                        live.hidden = narrator.in_line and sys.stdout.isatty()
                    printed_at = time.monotonic()
        finally:
            narrator.pause()
