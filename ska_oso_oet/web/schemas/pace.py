"""The shapes of pauses, questions and progress in the REST contract."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool, StrictStr, field_validator, model_validator

from .strict import StrictModel


class PauseBody(StrictModel):
    """Whether a running script is to pause at a checkpoint."""

    wanted: StrictBool
    at: Annotated[
        StrictStr | None,
        Field(
            max_length=200,
            description="regular expression for the checkpoint, by its name or with its number, such as "
            "`scan 3 of 5`; null means the next one",
            examples=["scan"],
        ),
    ] = None
    note: Annotated[StrictStr | None, Field(max_length=500, examples=["cloud in the north"])] = None

    @field_validator("at")
    @classmethod
    def _compiles(cls, at: str | None) -> str | None:
        try:
            re.compile(at or "")
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{at!r} is no regular expression: {error}") from None
        return at

    @model_validator(mode="after")
    def _only_for_pauses(self) -> PauseBody:
        if not self.wanted and (self.at is not None or self.note is not None):
            raise ValueError("at and note are for a pause; leave them out to resume")
        return self


class Pause(BaseModel):
    """The pause of a script; all but `state` are null if there is none."""

    state: Literal["none", "requested", "paused", "missed"]
    at: str | None = Field(description="regular expression for the name of the checkpoint; null means any")
    checkpoint: str | None = Field(description="where it has paused")
    n: int | None
    of: int | None
    since: float | None = Field(description="seconds since 1970: when it came to this state")
    by: str | None = Field(description="user who asked for it")
    note: str | None


class AnswerBody(StrictModel):
    """The answer to a question of a script."""

    answer: StrictStr = Field(max_length=1000)
    n: Annotated[
        int | None, Field(ge=1, description="number of the question; another one is then refused")
    ] = None


class Question(BaseModel):
    """A question of a script to the operator, and its answer."""

    state: Literal["none", "asked", "answered", "default"]
    n: int | None = Field(None, description="number of the question in its run")
    text: str | None = None
    choices: list[str] | None = Field(None, description="null means any text")
    default: str | None = Field(None, description="the answer if nobody gives one in time")
    asked: float | None = Field(None, description="seconds since 1970, as are the other times")
    expires: float | None = Field(None, description="null if the script waits as long as it takes")
    answer: str | None = None
    by: str | None = Field(None, description="user who has answered; null for the default")
    answered: float | None = None


class Progress(BaseModel):
    """How far a script is, in its own words."""

    done: float
    of: float | None
    unit: str
    text: str
    time: float = Field(description="seconds since 1970")


class Checkpoint(BaseModel):
    """A place at which a script can pause."""

    name: str
    n: int | None = Field(description="number of the last pass, as the script counts")
    of: int | None
    time: float = Field(description="of the last pass, seconds since 1970")
    passes: int


class Estimate(BaseModel):
    """How long a script takes; all but `source` are null if that is not known."""

    seconds: float | None
    low: float | None
    high: float | None
    source: Literal["script", "block", "history", "none"]
    runs: int | None = Field(description="number of earlier runs that it is made of")


class DryCommand(BaseModel):
    """A command that was not sent."""

    after: float = Field(description="seconds since the beginning of the dry run")
    device: str
    command: str
    seconds: float = Field(description="how long it would take; of other commands than scans assumed")


class DryRun(BaseModel):
    """What a dry run would have done."""

    seconds: float = Field(description="how long it would have taken so far")
    commands: list[DryCommand] = Field(description="the first 500")


class Remaining(BaseModel):
    """How long a running script still takes, as far as that is known."""

    seconds: float | None
    source: Literal["progress", "script", "block", "history", "none"]
