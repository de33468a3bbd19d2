"""The progress of a followed script: in the last line on a terminal, else a line now and then."""

from __future__ import annotations

import time
from typing import Any

from ..decoding import decode
from ..events import Event
from ..model import Procedure
from ..model.pace import NO_PAUSE, PAUSED, Pause, Progress, Question
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

    last: ProgressLine | None = None

    def __init__(self, redrawn: bool) -> None:
        ProgressLine.last = self
        self._redrawn = redrawn
        self._began: float | None = None
        self._progress: Progress | None = None
        self._pause = Pause()
        self._question: Question | None = None
        self._since = 0.0  #: when it began to stand
        self._told_at = 0.0
        self._told_part = 0.0

    def event(self, event: Event) -> bool:
        """Take note of an event; returns whether it is shown here, and nowhere else."""
        if event.topic == "procedure.lifecycle.started":
            self._began = time.time()
        pause: Any = event.fields.get("pause")
        if event.topic.startswith("procedure.pause.") and pause is not None:
            self._stands(decode(Pause, pause), self._question)
        question: Any = event.fields.get("question")
        if event.topic.startswith("procedure.question.") and question is not None:
            self._stands(self._pause, decode(Question, question))
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
        if (standing := self.standing) is not None:
            return standing, self._since
        if self._progress is None:
            return None
        words = [str(self._progress), *([left] if (left := self._left(self._progress)) else [])]
        if self._pause.state != NO_PAUSE:
            words.append("pauses at a checkpoint")
        return ", ".join(words), since

    @property
    def standing(self) -> str | None:
        """Why the script stands still; None if it does not."""
        if self._pause.state == PAUSED:
            return f"paused at {self._pause.place}"
        if self._question is not None and self._question.is_open:
            return f"waiting for an answer: {self._question.text}"
        return None

    def _stands(self, pause: Pause, question: Question | None) -> None:
        before = self.standing
        self._pause, self._question = pause, question
        if self.standing != before:
            self._since = time.monotonic()

    def look(self, procedure: Procedure, progress: bool = True) -> None:
        """Take note of the document of a procedure, instead of its events; without ``progress``,
        only whether it stands still.
        """
        self._began = procedure.started
        self._stands(procedure.pause, procedure.question)
        if not progress:
            return
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
