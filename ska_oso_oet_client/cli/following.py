"""Commands that follow a script until it has ended: their output and their end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

import click

from ..errors import LostError
from ..events import Event, OutputChunk
from ..exit_status import ExitStatus
from ..model import COMPLETE, FAILED, RUNNING, Activity, Procedure
from .live import Told, can_redraw, waiting
from .narration import MACHINERY, JsonNarrator, Narrator, TextNarrator
from .progress import ProgressLine
from .settings import Settings, tell, typed

T = TypeVar("T", Procedure, Activity)

PREPARING = {"PREP_ENV": "fetching the script and making its environment"}
DOING = PREPARING | {
    "CREATING": "loading the script",
    "LOADING": "loading the script",
    "INITIALISING": "init is running",
    "REQUESTED": "preparing the script",
    "RUNNING": "main is running",
}
"""The work in each state: all on a terminal, the important lines elsewhere."""


class Following(Generic[T]):
    """Prints one followed procedure or activity: table, events and output, table again.

    ``pid`` is the procedure that the output is of; ``show`` prints the table, or the JSON;
    ``raw`` is the value of ``--raw``.
    """

    def __init__(
        self,
        pid: int | None,
        subarray_id: int,
        settings: Settings,
        show: Callable[[T, Settings], None],
        raw: bool,
    ) -> None:
        self._settings = settings
        self._subarray_id = subarray_id
        self._show: Callable[[T, Settings], None] = show
        self._text = TextNarrator(subarray_id, MACHINERY, raw)
        self._state, self._since = "", 0.0
        self._told: set[str] = set()
        self._doing = DOING if can_redraw() else PREPARING
        self._progress = ProgressLine(redrawn=can_redraw())
        self._narrator: Narrator = JsonNarrator(pid) if settings.as_json else self._text

    def begin(self, followed: T) -> None:
        self._enter(followed.state)
        if self._settings.as_json:
            tell(f"This is on subarray {self._subarray_id}")
        else:
            self._show(followed, self._settings)
            click.echo("\nEvents\n------\n")

    def _enter(self, state: str) -> None:
        if state != self._state:
            self._state, self._since = state, time.monotonic()

    def _at_what(self) -> Told:
        told = self._progress.doing(self._since) if self._state == RUNNING else None
        if told is not None:
            return told if can_redraw() else None
        doing = self._doing.get(self._state)
        return None if doing is None else (doing, self._since)

    def through(self, items: Iterable[Event | OutputChunk | T], trouble: Callable[[], Told]) -> T:
        """Print events and output; returns the document of the subject, the last item.

        ``trouble`` returns the reason while no events can be received.
        """
        with waiting(lambda: trouble() or self._at_what()) as live:
            try:
                for item in items:
                    with live.aside():
                        if isinstance(item, OutputChunk):
                            self._narrator.output(item)
                        elif isinstance(item, Event):
                            self._enter(item.fields.get("new_state", self._state))
                            if not self._progress.event(item) or self._settings.as_json:
                                self._narrator.event(item)
                            self._told.add(item.topic)
                        else:
                            return item
                        live.hidden = self._text.in_line and sys.stdout.isatty()
            finally:
                live.erase()
                self._narrator.pause()
        raise AssertionError("following ends with the followed document")

    def end(self, followed: T) -> None:
        if not self._settings.as_json:
            self._text.end_line()
            click.echo()
        self._show(followed, self._settings)
        if followed.state == FAILED:
            self._tell_where_more_is(followed)

    def _tell_where_more_is(self, failed: T) -> None:
        if not isinstance(failed, Procedure):
            if failed.procedure_id is not None:
                see = typed(f"procedure describe --pid={failed.procedure_id}")
                tell(f"More about its script: {see}")
        elif failed.stacktrace:
            tell(f"The stack trace: {typed(f'procedure describe --pid={failed.id}')}")

    def has_told(self, topic: str) -> bool:
        """Whether an event of this topic was printed."""
        return topic in self._told


def status_of(ended: Procedure | Activity, good: Collection[str] = (COMPLETE,)) -> ExitStatus:
    return ExitStatus.DONE if ended.state in good else ExitStatus.SCRIPT_FAILED


def script_goes_on(
    pid: int, is_abort: bool = False, rejoin: str = "procedure logs --follow"
) -> AbstractContextManager[None]:
    """Ctrl-C, or a server that is away, ends listening but not the script; tell the user.

    Does not advise to stop an abort.
    """
    if is_abort:
        see = typed(f"procedure wait --pid={pid}")
        return told_on_ctrl_c(
            f"Stopped waiting; the abort (procedure {pid}) goes on. To see it: {see}"
        )
    return _listening_to(f"procedure {pid}", f"procedure stop --pid={pid}", f"{rejoin} --pid={pid}")


def activity_goes_on(aid: int) -> AbstractContextManager[None]:
    """The same for an activity."""
    stop, see = f"activity stop --aid={aid}", f"activity describe --aid={aid}"
    return _listening_to(f"activity {aid}", stop, see)


@contextmanager
def _listening_to(what: str, stop: str, rejoin: str) -> Iterator[None]:
    try:
        with told_on_ctrl_c(
            f"Stopped listening; {what} goes on. "
            f"To stop it: {typed(stop)}; to rejoin: {typed(rejoin)}"
        ):
            yield
    except KeyboardInterrupt:
        _tell_what_it_waits_for()
        raise
    except LostError:
        tell(f"{what.capitalize()} may still be running. When the OET is back: {typed(rejoin)}")
        raise


def _tell_what_it_waits_for() -> None:
    """A script that stands still goes on only if somebody has it go on."""
    line = ProgressLine.last
    if line is not None and line.standing is not None:
        word = "resume" if line.standing.startswith("paused") else "answer"
        remedy = typed(f"procedure {word}")
        tell(f"It is {line.standing}; to have it go on: {remedy}")


@contextmanager
def told_on_ctrl_c(sentence: str) -> Iterator[None]:
    """Ctrl-C ends the command only; ``sentence`` tells the user which work continues."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"\n{sentence}")
        raise
