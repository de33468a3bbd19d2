"""``oet procedure logs``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..narration import JsonNarrator, Narrator, TextNarrator, raw_option
from ..settings import Settings, pass_settings, tell
from ..which import LAST, last_procedure, pid_option

_STREAMS = ("stdout", "stderr", "oet")


def _streams(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    names = [name.strip() for name in (value or "").split(",") if name.strip()]
    for name in names:
        if name not in _STREAMS:
            raise click.BadParameter(f"{name} is none of {', '.join(_STREAMS)}", context, option)
    return names


@click.command(cls=OetCommand)
@pid_option(LAST)
@click.option(
    "--follow",
    type=bool,
    default=False,
    show_default=True,
    help="Go on with what the script prints, until it has ended.",
)
@click.option(
    "--tail",
    type=click.IntRange(0),
    metavar="N",
    help="Begin with the last N lines; with --follow, 0 is only what comes.  [default: all]",
)
@click.option(
    "--stream",
    "streams",
    callback=_streams,
    metavar="NAMES",
    help="Only stdout, stderr, or both with a comma.  [default: all, in order]",
)
@raw_option
@pass_settings
def logs(
    settings: Settings,
    pid: int | None,
    follow: bool,
    tail: int | None,
    streams: list[str],
    raw: bool,
) -> None:
    """Show what a script has printed."""
    with settings.client() as client:
        if pid is None:
            pid = last_procedure(client.procedures()).id
        if follow:
            chunks = client.live_output(pid, tail=tail, streams=streams, notify=tell)
        else:
            chunks = client.all_output(pid, tail=tail, streams=streams)
        narrator: Narrator = JsonNarrator(pid)
        if not settings.as_json:
            narrator = TextNarrator(client.subarray_id, raw=raw)
        try:
            for chunk in chunks:
                narrator.output(chunk)
        finally:
            narrator.pause()
