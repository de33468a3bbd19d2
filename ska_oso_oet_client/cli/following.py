"""Commands that stay with a procedure until it has ended: what they print, and how they end."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..exit_status import ExitStatus
from ..happenings import OutputChunk
from ..model import COMPLETE, Procedure
from .narration import MACHINERY, JsonNarrator, Narrator, TextNarrator
from .settings import Settings, tell
from .showing import show_json, show_table

if TYPE_CHECKING:
    from ..follow import Follower


class Following:
    """Prints one followed procedure: table, events and output, table again."""

    def __init__(self, pid: int, subarray_id: int, settings: Settings) -> None:
        self._pid = pid
        self._settings = settings
        self._text = TextNarrator(subarray_id, silent_about=MACHINERY)
        self._narrator: Narrator = JsonNarrator(pid) if settings.as_json else self._text

    def begin(self, procedure: Procedure) -> None:
        if not self._settings.as_json:
            show_table([procedure])
            click.echo("\nEvents\n------\n")

    def until(self, follower: Follower, states: Collection[str] = ()) -> Procedure:
        """Print what happens; returns the procedure when it is final or in one of ``states``."""
        for item in follower.follow(self._pid, states):
            if isinstance(item, Procedure):
                return item
            if isinstance(item, OutputChunk):
                self._narrator.output(item)
            else:
                self._narrator.event(item)
        raise AssertionError("following ends with the procedure")

    def end(self, procedure: Procedure) -> None:
        if self._settings.as_json:
            show_json(procedure.document)
            return
        self._text.end_line()
        click.echo()
        show_table([procedure])


def status_of(procedure: Procedure, good: Collection[str] = (COMPLETE,)) -> ExitStatus:
    return ExitStatus.DONE if procedure.state in good else ExitStatus.SCRIPT_FAILED


@contextmanager
def script_goes_on(pid: int) -> Iterator[None]:
    """Ctrl-C ends listening, never the script; say so."""
    try:
        yield
    except KeyboardInterrupt:
        tell(
            f"\nStopped listening; procedure {pid} goes on. "
            f"To stop it: oet procedure stop --pid={pid}"
        )
        raise
