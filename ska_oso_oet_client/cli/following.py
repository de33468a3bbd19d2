"""Commands that stay with a script until it has ended: what they print, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

import click

from ..exit_status import ExitStatus
from ..happenings import Event, OutputChunk
from ..model import COMPLETE, Activity, Procedure
from .narration import MACHINERY, JsonNarrator, Narrator, TextNarrator
from .settings import Settings, tell, typed

T = TypeVar("T", Procedure, Activity)


class Following(Generic[T]):
    """Prints one followed procedure or activity: table, events and output, table again.

    ``pid`` is the procedure that the output is of; ``show`` prints the table, or the JSON;
    ``raw`` is what the user chose with ``--raw``.
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
        self._narrator: Narrator = JsonNarrator(pid) if settings.as_json else self._text

    def begin(self, followed: T) -> None:
        if self._settings.as_json:
            tell(f"This is on subarray {self._subarray_id}")
        else:
            self._show(followed, self._settings)
            click.echo("\nEvents\n------\n")

    def through(self, happenings: Iterable[Event | OutputChunk | T]) -> T:
        """Print what happens; returns what is followed, which comes last."""
        try:
            for item in happenings:
                if isinstance(item, OutputChunk):
                    self._narrator.output(item)
                elif isinstance(item, Event):
                    self._narrator.event(item)
                else:
                    return item
        finally:
            self._narrator.pause()
        raise AssertionError("following ends with what is followed")

    def end(self, followed: T) -> None:
        if not self._settings.as_json:
            self._text.end_line()
            click.echo()
        self._show(followed, self._settings)


def status_of(ended: Procedure | Activity, good: Collection[str] = (COMPLETE,)) -> ExitStatus:
    return ExitStatus.DONE if ended.state in good else ExitStatus.SCRIPT_FAILED


def script_goes_on(pid: int, is_abort: bool = False) -> AbstractContextManager[None]:
    """Ctrl-C ends listening, never the script; say so. Nobody is advised to stop an abort."""
    if is_abort:
        see = typed(f"procedure wait --pid={pid}")
        return told_on_ctrl_c(
            f"Stopped waiting; the abort (procedure {pid}) goes on. To see it: {see}"
        )
    return _listening_to(f"procedure {pid}", typed(f"procedure stop --pid={pid}"))


def activity_goes_on(aid: int) -> AbstractContextManager[None]:
    """The same for an activity."""
    return _listening_to(f"activity {aid}", typed(f"activity stop --aid={aid}"))


def _listening_to(what: str, stop: str) -> AbstractContextManager[None]:
    return told_on_ctrl_c(f"Stopped listening; {what} goes on. To stop it: {stop}")


@contextmanager
def told_on_ctrl_c(sentence: str) -> Iterator[None]:
    """Ctrl-C ends the command only; ``sentence`` tells what goes on."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"\n{sentence}")
        raise
