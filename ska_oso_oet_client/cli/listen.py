"""``oet listen``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..decoding import decode
from ..events import Event, OutputChunk
from ..terminal import printable
from ..topics import unmatched
from .command import OetCommand
from .live import Told, can_redraw, waiting
from .logbook import Logbook
from .narration import TextNarrator, raw_option
from .settings import Settings, completed, pass_settings, tell, typed
from .switches import flag
from .times import Times

if TYPE_CHECKING:
    from ..stream import Message


def _topics(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    return [topic.strip() for topic in (value or "").split(",") if topic.strip()]


@click.command(cls=OetCommand)
@click.option(
    "--format",
    "form",
    type=click.Choice(["event", "log", "text", "json", "raw"]),
    help="Names and fields; one sentence a line with time, subarray and user; sentences and all "
    "else; one JSON object per line; or the stream's own bytes.  [default: event]",
)
@click.option(
    "--topics",
    callback=_topics,
    shell_complete=completed("topics"),
    metavar="PREFIXES",
    help="Only topics that begin so (a,b).",
)
@click.option(
    "--exclude",
    callback=_topics,
    shell_complete=completed("topics"),
    metavar="PREFIXES",
    help="No topics that begin so (a,b).",
)
@flag("--all-subarrays", help="Events of all subarrays from the central history; without output.")
@click.option(
    "--from-id",
    type=click.IntRange(0),
    metavar="ID",
    help="Begin with the events after this one.",
)
@raw_option
@pass_settings
def listen(
    settings: Settings,
    form: str | None,
    topics: list[str],
    exclude: list[str],
    all_subarrays: bool,
    from_id: int | None,
    raw: bool,
) -> None:
    """Show events of the OET as they happen, until Ctrl-C.

    To watch it for a night: oet listen --format=log has one sentence a line, and leaves out what
    the OET asks and answers.
    """
    if form is None and not settings.as_json and sys.stdout.isatty():
        tell(f"For one sentence a line, with its time: {typed('listen --format=log')}")
    form = form or ("json" if settings.as_json else "event")
    for sentence in unmatched([*topics, *exclude]):
        tell(sentence)
    with settings.client() as client:
        logbook = Logbook(client.subarray_id, Times(settings.local), raw)
        narrator = TextNarrator(client.subarray_id, raw=raw)
        screen = logbook if form == "log" else narrator
        show = _log(logbook) if form == "log" else _SHOW[form](narrator, all_subarrays)
        try:
            stream = client.event_stream(
                topics=topics,
                exclude=exclude,
                all_subarrays=all_subarrays,
                from_id=None if from_id is None else str(from_id),
                notify=tell,
            )
            happened_at = time.monotonic()
            with waiting(lambda: stream.trouble() or nothing_for(happened_at)) as live:
                for message in stream:
                    # Without a name it is only a keep-alive.
                    if message.name is None and form != "raw":
                        continue
                    happened_at = time.monotonic()
                    with live.aside():
                        show(message)
                        live.hidden = screen.in_line and sys.stdout.isatty()
        finally:
            screen.pause()


def nothing_for(happened_at: float) -> Told:
    """The text on a terminal between events."""
    return ("listening, nothing has happened for", happened_at) if can_redraw() else None


Show = Callable[["Message"], None]


def _raw(narrator: TextNarrator, everywhere: bool) -> Show:
    return lambda message: click.echo(message.raw, nl=False)


def _fields(narrator: TextNarrator, everywhere: bool) -> Show:
    def show(event: Event) -> None:
        topic = printable(event.topic)
        click.echo(f"event: {topic}\ndata: args=() kwargs={dict(event.fields)!r}\n")

    return _of_events(show)


def _json(narrator: TextNarrator, everywhere: bool) -> Show:
    return _of_events(lambda event: click.echo(json.dumps(event.to_json())))


def _text(narrator: TextNarrator, everywhere: bool) -> Show:
    def show(event: Event) -> None:
        if everywhere:
            where = f"[{event.fields['subarray']}] " if "subarray" in event.fields else ""
            narrator.event(event, where)
        elif event.topic == "procedure.output" and "text" in event.fields:
            narrator.output(decode(OutputChunk, event.fields), event.fields.get("pid"))
        else:
            narrator.event(event)

    return _of_events(show)


def _log(logbook: Logbook) -> Show:
    def show(event: Event) -> None:
        if event.topic == "procedure.output" and "text" in event.fields:
            logbook.output(decode(OutputChunk, event.fields), event)
        else:
            logbook.event(event)

    return _of_events(show)


def _of_events(write: Callable[[Event], None]) -> Show:
    def show(message: Message) -> None:
        if message.name is not None:
            write(Event.from_message(message.name, message.data, message.id))

    return show


_SHOW: dict[str, Callable[[TextNarrator, bool], Show]] = {
    "event": _fields,
    "text": _text,
    "json": _json,
    "raw": _raw,
}
