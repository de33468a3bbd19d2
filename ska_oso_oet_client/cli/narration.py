"""What is followed on stdout: sentences between the script's own output."""

from __future__ import annotations

import json
from typing import Any, Protocol

import click

from ..happenings import Event, OutputChunk
from ..sentences import name_and_fields, sentence

# While following something, these say nothing that the sentences do not.
MACHINERY = (
    "procedure.lifecycle.",
    "procedure.output.",
    "procedure.pool.",
    "procedure.stop.",
    "request.",
    "activity.",
    "operator.",
    "worker.",
    "auth.",
)


class Narrator(Protocol):
    def event(self, event: Event) -> None: ...

    def output(self, chunk: OutputChunk) -> None: ...


class TextNarrator:
    """For people. Output pieces end anywhere, so a sentence may have to end the line first.

    ``silent_about``: beginnings of topics that are shown only if there is a sentence for them.
    """

    def __init__(self, subarray_id: int, silent_about: tuple[str, ...] = ()) -> None:
        self._subarray_id = subarray_id
        self._silent_about = silent_about
        self._in_line = False

    def event(self, event: Event, where: str = "") -> None:
        text = sentence(event, self._subarray_id)
        if text is None:
            if event.topic.startswith(self._silent_about):
                return
            text = name_and_fields(event)
        self.end_line()
        click.echo(f"{where}{text}")

    def output(self, chunk: OutputChunk) -> None:
        # Colour or none is the script's affair, even into a file.
        click.echo(chunk.text, nl=False, color=True)
        self._in_line = bool(chunk.text) and not chunk.text.endswith("\n")

    def end_line(self) -> None:
        if self._in_line:
            click.echo()
            self._in_line = False


class JsonNarrator:
    """For programs: one object per line, output as ``procedure.output``."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    def event(self, event: Event) -> None:
        self._line(event.to_json())

    def output(self, chunk: OutputChunk) -> None:
        self._line({"topic": "procedure.output", "pid": self._pid, **chunk.to_json()})

    def _line(self, document: dict[str, Any]) -> None:
        click.echo(json.dumps(document))
