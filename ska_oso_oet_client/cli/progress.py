"""The progress of a followed script: in the last line on a terminal, else a line now and then."""

from __future__ import annotations

import time
from typing import Any

from ..decoding import decode
from ..events import Event
from ..model import Procedure
from ..model.pace import NO_PAUSE, PAUSED, Pause, Progress
from .durations import for_people
from .settings import tell

_EVERY = 60.0
"""Seconds between two lines without a terminal."""

_STEP = 0.1
"""The part of the whole between two lines without a terminal."""


class ProgressLine:
    """What a script does while ``main`` runs, by its events.

    ``redrawn``: whether there is a line that is drawn again and again.
    """

    def __init__(self, redrawn: bool) -> None:
        self._redrawn = redrawn
        self._began: float | None = None
        self._progress: Progress | None = None
        self._pause = Pause()
        self._paused_since = 0.0
        self._told_at = 0.0
        self._told_part = 0.0

    def event(self, event: Event) -> bool:
        """Take note of an event; returns whether it is shown here, and nowhere else."""
        if event.topic == "procedure.lifecycle.started":
            self._began = time.time()
        pause: Any = event.fields.get("pause")
        if event.topic.startswith("procedure.pause.") and pause is not None:
            self._pause, self._paused_since = decode(Pause, pause), time.monotonic()
        if event.topic != "user.script.progress":
            return False
        self._progress = decode(Progress, event.fields["progress"])
        if not self._redrawn:
            self._tell(self._progress)
        return True

    def doing(self, since: float) -> tuple[str, float] | None:
        """The last line, and since when; None if the script tells nothing of its pace.

        ``since``: when ``main`` was called, on the monotonic clock.
        """
        if self._pause.state == PAUSED:
            return f"paused at {self._pause.place}", self._paused_since
        if self._progress is None:
            return None
        words = [str(self._progress), *([left] if (left := self._left(self._progress)) else [])]
        if self._pause.state != NO_PAUSE:
            words.append("pauses at a checkpoint")
        return ", ".join(words), since

    def look(self, procedure: Procedure) -> None:
        """Take note of the document of a procedure, instead of its events."""
        self._began, self._pause = procedure.started, procedure.pause
        if procedure.progress is not None and procedure.progress != self._progress:
            self._progress = procedure.progress
            if not self._redrawn:
                self._tell(self._progress)

    def _left(self, progress: Progress) -> str | None:
        """How long it still takes, if it goes on like this."""
        if self._began is None or progress.of is None or not 0 < progress.done < progress.of:
            return None
        each = (progress.time - self._began) / progress.done
        seconds = each * (progress.of - progress.done) - (time.time() - progress.time)
        return f"{for_people(seconds)} left" if seconds >= 1 else None

    def _tell(self, progress: Progress) -> None:
        now = time.monotonic()
        part = progress.done / progress.of if progress.of else 0.0
        if part - self._told_part >= _STEP or now - self._told_at >= _EVERY:
            self._told_at, self._told_part = now, part
            tell(str(progress))
