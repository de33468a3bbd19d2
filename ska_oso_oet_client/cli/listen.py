"""``oet listen``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..happenings import Event, OutputChunk
from ..terminal import printable
from .command import OetCommand
from .narration import TextNarrator, raw_option
from .settings import Settings, completed, pass_settings, tell

if TYPE_CHECKING:
    from ..stream import Message


def _topics(context: click.Context, option: click.Parameter, value: str | None) -> list[str]:
    return [topic.strip() for topic in (value or "").split(",") if topic.strip()]


@click.command(cls=OetCommand)
@click.option(
    "--format",
    "form",
    type=click.Choice(["event", "text", "json", "raw"]),
    help="Names and fields, sentences, one JSON object per line, or the stream's own bytes."
    "  [default: event]",
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
@click.option(
    "--all-subarrays",
    type=bool,
    default=False,
    metavar="",
    help="What happens on all subarrays, as the central history has it; without output.",
)
@click.option(
    "--from-id",
    type=click.IntRange(0),
    metavar="ID",
    help="Begin with what happened after this event.",
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
    """Show what happens on the OET as it happens, until Ctrl-C."""
    form = form or ("json" if settings.as_json else "event")
    with settings.client() as client:
        narrator = TextNarrator(client.subarray_id, raw=raw)
        show = _SHOW[form](narrator, all_subarrays)
        try:
            for message in client.event_stream(
                topics=topics,
                exclude=exclude,
                all_subarrays=all_subarrays,
                from_id=None if from_id is None else str(from_id),
                notify=tell,
            ):
                show(message)
        finally:
            narrator.pause()


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
            narrator.output(OutputChunk.from_json(event.fields), event.fields.get("pid"))
        else:
            narrator.event(event)

    return _of_events(show)


def _of_events(write: Callable[[Event], None]) -> Show:
    def show(message: Message) -> None:
        # Without a name it is only a sign of life.
        if message.name is not None:
            write(Event.from_message(message.name, message.data, message.id))

    return show


_SHOW: dict[str, Callable[[TextNarrator, bool], Show]] = {
    "event": _fields,
    "text": _text,
    "json": _json,
    "raw": _raw,
}
