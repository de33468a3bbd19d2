"""What is followed on stdout: sentences between the script's own output."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import click

from ..happenings import Event, OutputChunk
from ..sentences import name_and_fields, sentence
from ..terminal import Screen, printable

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


def raw_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--raw``"""
    decorate = click.option(
        "--raw",
        type=bool,
        default=False,
        metavar="",
        help="Show what scripts print as it is: also what steers the terminal and is no colour.",
    )
    return decorate(function)


class Narrator(Protocol):
    def event(self, event: Event) -> None: ...

    def output(self, chunk: OutputChunk) -> None: ...

    def pause(self) -> None:
        """Somebody else is going to write."""


class TextNarrator:
    """For people. Output pieces end anywhere, so a sentence may have to end the line first.

    ``silent_about``: beginnings of topics that are shown only if there is a sentence for them.
    ``raw``: what scripts print is not made safe for a terminal.
    """

    def __init__(
        self, subarray_id: int, silent_about: tuple[str, ...] = (), raw: bool = False
    ) -> None:
        self._subarray_id = subarray_id
        self._silent_about = silent_about
        self._screen = Screen(raw)

    def event(self, event: Event, where: str = "") -> None:
        text = sentence(event, self._subarray_id)
        if text is None:
            if event.topic.startswith(self._silent_about):
                return
            text = name_and_fields(event)
        self.end_line()
        click.echo(printable(f"{where}{text}"))

    def output(self, chunk: OutputChunk, source: Any = None) -> None:
        # Colour or none is the script's affair, even into a file.
        _write(self._screen.show(chunk.text, f"{source} {chunk.stream}"))

    def end_line(self) -> None:
        self.pause()
        if self._screen.in_line:
            self._screen.in_line = False
            click.echo()

    def pause(self) -> None:
        _write(self._screen.pause())


def _write(text: str) -> None:
    if text:
        click.echo(text, nl=False, color=True)


class JsonNarrator:
    """For programs: one object per line, output as ``procedure.output``."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    def event(self, event: Event) -> None:
        self._line(event.to_json())

    def output(self, chunk: OutputChunk) -> None:
        self._line({"topic": "procedure.output", "pid": self._pid, **chunk.to_json()})

    def pause(self) -> None:
        pass

    def _line(self, document: dict[str, Any]) -> None:
        click.echo(json.dumps(document))
