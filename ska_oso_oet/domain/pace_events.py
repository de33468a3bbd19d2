"""The events of a running script's pause, and of its questions to the operator."""

from __future__ import annotations

import dataclasses
from typing import Any

from .happening import Happening


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseChanged(Happening):
    """Something about the pause of a running script; ``pause`` is the whole of it, see :mod:`.pace`."""

    pid: int
    pause: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseRequested(PauseChanged):
    """Somebody wants the script to pause at its next checkpoint, or at one with a name."""

    TOPIC = "procedure.pause.requested"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseWithdrawn(PauseChanged):
    """Nobody wants it any more; the script had not paused yet."""

    TOPIC = "procedure.pause.withdrawn"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paused(PauseChanged):
    """The script stands at a checkpoint."""

    TOPIC = "procedure.pause.paused"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resumed(PauseChanged):
    """The script goes on."""

    TOPIC = "procedure.pause.resumed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseMissed(PauseChanged):
    """The script has ended without a checkpoint at which it could pause."""

    TOPIC = "procedure.pause.missed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseReminder(PauseChanged):
    """The script still stands."""

    TOPIC = "procedure.pause.reminder"


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionChanged(Happening):
    """Something about a question of the script; ``question`` is the whole of it."""

    pid: int
    question: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAsked(QuestionChanged):
    """The script waits for an answer of the operator."""

    TOPIC = "procedure.question.asked"


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnswered(QuestionChanged):
    """The script has its answer, from somebody or, because nobody gave one in time, its default."""

    TOPIC = "procedure.question.answered"
