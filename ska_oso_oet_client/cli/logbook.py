"""Events of one or more subarrays, one sentence per line, for watching over a night."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import click

from ..events import Event, OutputChunk
from ..sentences import name_and_fields, sentence
from ..subjects import ACTIVITY_WORKER
from ..terminal import Screen, printable
from ..topics import OWN, QUESTIONS
from .colour import painted
from .narration import colour_of, write
from .times import Times

_LINE = re.compile("[^\n]*\n|[^\n]+")
_ABOUT_THE_EVENT = frozenset({"msg_src", "time", "request_id", "user", "subarray"})


class Logbook:
    """Writes ``time [subarray user] sentence``, and the date at each new day.

    Excludes requests and answers of the OET, and its own topics without a sentence. ``raw``: the
    output of scripts is not made safe for a terminal.
    """

    def __init__(self, subarray_id: int, times: Times, raw: bool = False) -> None:
        self._subarray_id = subarray_id
        self._times = times
        self._screen = Screen(raw)
        self._day = times.day(time.time())
        self._printing: Any = None  #: the source of an unfinished line

    def event(self, event: Event) -> None:
        text = self._sentence(event)
        if text is not None:
            self._end_line()
            line = printable(f"{self._beginning(event.fields, _who(event.fields))} {text}")
            click.echo(painted(line, colour_of(event)))

    def output(self, chunk: OutputChunk, event: Event) -> None:
        pid = event.fields.get("pid")
        for line in _LINE.findall(chunk.text):
            begins = self._printing != pid or not self._screen.in_line
            if begins:
                self._end_line()
            text = self._screen.show(line, f"{pid} {chunk.stream}")
            if begins and (self._screen.in_line or "\n" in text):
                write(f"{self._beginning(event.fields)} {pid}: ")
            write(text)
            self._printing = pid

    @property
    def in_line(self) -> bool:
        """Whether the last line is unfinished."""
        return self._screen.in_line

    def pause(self) -> None:
        write(self._screen.pause())

    def _end_line(self) -> None:
        self.pause()
        if self._screen.in_line:
            self._screen.in_line = False
            click.echo()

    def _sentence(self, event: Event) -> str | None:
        fields = event.fields
        if event.topic == "request.failed" and fields.get("topic_") in QUESTIONS:
            return None
        if event.topic.startswith("request.procedure.") and event.source == ACTIVITY_WORKER:
            return None  # a part of the activity, whose own event follows
        text = sentence(event, fields.get("subarray") or self._subarray_id, with_user=False)
        if text is not None or event.topic.startswith(OWN):
            return text
        own = {name: value for name, value in fields.items() if name not in _ABOUT_THE_EVENT}
        return name_and_fields(Event(topic=event.topic, fields=own))

    def _beginning(self, fields: Mapping[str, Any], who: str = "") -> str:
        moment = fields.get("time")
        if not isinstance(moment, int | float):
            moment = time.time()
        day = self._times.day(moment)
        if day != self._day:
            self._day = day
            click.echo(f"--- {day} ---")
        where = fields.get("subarray") or self._subarray_id
        return f"{self._times.of_day(moment)} [{where}{who and f' {who}'}]"


def _who(fields: Mapping[str, Any]) -> str:
    """The user of an event; None if unknown."""
    result = fields.get("result")
    result = result if isinstance(result, Mapping) else {}
    told = (fields.get("user"), fields.get("by"))
    kept = (result.get(f"{done}_by") for done in ("stopped", "started", "created"))
    return str(next((who for who in (*told, *kept) if who), ""))
