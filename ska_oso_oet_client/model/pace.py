"""How a script gets on: its pause, its question, its progress."""

from __future__ import annotations

from dataclasses import dataclass

NO_PAUSE = "none"
PAUSED = "paused"


@dataclass(frozen=True, kw_only=True)
class Pause:
    """The pause of a script: ``state`` is none, requested, paused or missed.

    ``at`` is a regular expression for the name of the checkpoint, ``checkpoint`` the one where the
    script stands, ``since`` when it came to this state.
    """

    state: str = NO_PAUSE
    at: str | None = None
    checkpoint: str | None = None
    n: int | None = None
    of: int | None = None
    since: float | None = None
    by: str | None = None
    note: str | None = None

    @property
    def place(self) -> str:
        """The checkpoint in words: ``scan 2 of 5``."""
        return place(self.checkpoint or "a checkpoint", self.n, self.of)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question of a script; ``state`` is none, asked, answered or default."""

    state: str = "none"
    n: int | None = None
    text: str = ""
    choices: tuple[str, ...] | None = None
    default: str | None = None
    asked: float | None = None
    expires: float | None = None
    answer: str | None = None
    by: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state == "asked"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a script is; ``of`` is None if it does not know how much there is to do."""

    done: float
    of: float | None = None
    unit: str = ""
    text: str = ""
    time: float = 0.0

    def __str__(self) -> str:
        how_far = f"{self.done:g}" if self.of is None else f"{self.done:g} of {self.of:g}"
        return f"{how_far} {self.unit}".rstrip() + (f", {self.text}" if self.text else "")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A place at which a script can pause; ``time`` is that of its last pass."""

    name: str
    n: int | None = None
    of: int | None = None
    time: float
    passes: int = 1


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """How long it still takes; ``source`` is where that is known from."""

    seconds: float | None = None
    source: str = "none"


@dataclass(frozen=True, kw_only=True)
class DryCommand:
    """A command that was not sent; times in seconds, ``after`` since the beginning."""

    after: float
    device: str
    command: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a dry run would have commanded, and how long it would have taken."""

    seconds: float
    commands: tuple[DryCommand, ...] = ()


def place(name: str, n: int | None, of: int | None) -> str:
    """A checkpoint in words."""
    numbered = name if n is None else f"{name} {n}"
    return numbered if n is None or of is None else f"{numbered} of {of}"
