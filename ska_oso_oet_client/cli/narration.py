"""Following on stdout: sentences between the script's own output."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any, Protocol

import click

from ..events import Event, OutputChunk
from ..sentences import name_and_fields, reason_of_failure, sentence
from ..terminal import Screen, printable
from .colour import painted
from .switches import flag
from .times import Times

# Events whose content is in the other sentences while following.
MACHINERY = (
    "procedure.lifecycle.",
    "procedure.output.",
    "procedure.pace.",
    "procedure.pool.",
    "procedure.stop.",
    "request.",
    "activity.",
    "operator.",
    "worker.",
    "auth.",
)

_TROUBLE = (".failed", ".fault", ".survivors.found", "worker.lost")


raw_option = flag(
    "--raw",
    help="Show the output of scripts unchanged, with all control sequences of the terminal.",
)


class Echoes:
    """Recognises events of a subarray that those of its scheduling block repeat."""

    _BEGIN, _END = "sb.lifecycle.observation.started", "sb.lifecycle.observation.finished."
    _TWICE = frozenset(
        {
            "subarray.resources.allocated",
            "subarray.configured",
            "subarray.scan.started",
            "subarray.scan.finished",
        }
    )

    def __init__(self) -> None:
        self._has_block = False

    def is_one(self, topic: str) -> bool:
        """Whether the next event repeats another one."""
        if topic == self._BEGIN or topic.startswith(self._END):
            self._has_block = topic == self._BEGIN
        return self._has_block and topic in self._TWICE


class Repeats:
    """Recognises what was told just before: a message that is also printed, a known reason."""

    _ANNOUNCED = "user.script.announce"

    def __init__(self) -> None:
        self._message: str | None = None
        self._line: str | None = None
        self._reason: str | None = None

    def event(self, event: Event) -> bool:
        """Whether the event says what was the last line of output."""
        line, self._line, self._message = self._line, None, None
        if event.topic != self._ANNOUNCED:
            return False
        message = str(event.fields.get("msg"))
        if message == line:
            return True
        self._message = message
        return False

    def output(self, text: str) -> bool:
        """Whether a piece of output is the line that was the last message."""
        message, self._message = self._message, None
        self._line = text.removesuffix("\n") if text.endswith("\n") else None
        return message is not None and text == f"{message}\n"

    def shorter(self, event: Event, text: str) -> str:
        """The sentence for an event, without a reason that was in an earlier one."""
        reason = reason_of_failure(event)
        known, self._reason = self._reason, reason or self._reason
        return text.removesuffix(f": {reason}") if reason and reason == known else text


class Narrator(Protocol):
    def event(self, event: Event) -> None: ...

    def output(self, chunk: OutputChunk) -> None: ...

    def pause(self) -> None:
        """Prepare for other text."""

    @property
    def in_line(self) -> bool:
        """Whether the last line is unfinished."""


class TextNarrator:
    """For people. Output pieces end anywhere, so a sentence may have to end the line first.

    ``silent_about``: beginnings of topics that are shown only if there is a sentence for them.
    ``raw``: the output of scripts is not made safe for a terminal.
    """

    def __init__(
        self, subarray_id: int, silent_about: tuple[str, ...] = (), raw: bool = False
    ) -> None:
        self._subarray_id = subarray_id
        self._silent_about = silent_about
        self._screen = Screen(raw)
        self._echoes = Echoes()
        self._repeats = Repeats()

    def event(self, event: Event, where: str = "") -> None:
        following = bool(self._silent_about)
        if following and (self._echoes.is_one(event.topic) or self._repeats.event(event)):
            return
        text = sentence(event, self._subarray_id)
        if text is None:
            if event.topic.startswith(self._silent_about):
                return
            text = name_and_fields(event)
        elif following:
            text = self._repeats.shorter(event, text)
        self.end_line()
        click.echo(painted(printable(f"{where}{text}"), colour_of(event)))

    def output(self, chunk: OutputChunk, source: Any = None) -> None:
        in_line = self._screen.in_line
        if self._silent_about and self._repeats.output(chunk.text) and not in_line:
            return
        # The script decides on colours, even in a file.
        write(self._screen.show(chunk.text, f"{source} {chunk.stream}"))

    @property
    def in_line(self) -> bool:
        return self._screen.in_line

    def end_line(self) -> None:
        self.pause()
        if self._screen.in_line:
            self._screen.in_line = False
            click.echo()

    def pause(self) -> None:
        write(self._screen.pause())


class TimedNarrator(TextNarrator):
    """The same, with the time before each line of output."""

    def __init__(self, subarray_id: int, times: Times, raw: bool = False) -> None:
        super().__init__(subarray_id, raw=raw)
        self._times = times

    def output(self, chunk: OutputChunk, source: Any = None) -> None:
        for line in chunk.text.splitlines(keepends=True):
            if not self.in_line and chunk.time is not None:
                write(f"{self._times.of_a_line(chunk.time)} ")
            super().output(replace(chunk, text=line), source)


def colour_of(event: Event) -> str | None:
    return "red" if event.topic.endswith(_TROUBLE) else None


def write(text: str) -> None:
    """On stdout, colours of scripts and all."""
    if text:
        click.echo(text, nl=False, color=True)


class JsonNarrator:
    """For programs: one object per line, output as ``procedure.output``."""

    in_line = False

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    def event(self, event: Event) -> None:
        self._line(event.to_json())

    def output(self, chunk: OutputChunk) -> None:
        self._line({"topic": "procedure.output", "pid": self._pid, **asdict(chunk)})

    def pause(self) -> None:
        pass

    def _line(self, document: dict[str, Any]) -> None:
        click.echo(json.dumps(document))
