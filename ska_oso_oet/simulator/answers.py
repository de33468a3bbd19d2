"""Answers to commands: the immediate one, and the later result."""

from __future__ import annotations

import itertools
import json
import time
from typing import NamedTuple

from ..telescope.states import ObsState, ResultCode

_numbers = itertools.count(1)


class Answer(NamedTuple):
    """The immediate answer to a command."""

    code: ResultCode
    text: str  #: the id of the command if it was queued, else why it was not


class Result(NamedTuple):
    """How a command that was queued ended."""

    code: ResultCode
    message: str

    def to_json(self) -> str:
        """Return the form it has in ``longRunningCommandResult``."""
        return json.dumps([self.code, self.message])


COMPLETED = Result(ResultCode.OK, "Command Completed")
INTERRUPTED = Result(ResultCode.ABORTED, "Command has been aborted")


class NotAllowed(Exception):  # noqa: N818
    """A command came in an observing state that does not allow it."""

    def __init__(self, command: str, device: str, obs_state: ObsState, doing: str | None = None) -> None:
        why = f" while {doing} is being carried out" if doing else ""
        super().__init__(f"Command {command} is not allowed: {device} is in obsState {obs_state.name}{why}")


class CommandRaised(Exception):  # noqa: N818
    """A command failed before it was queued, as a broken device does."""


def new_id(command: str) -> str:
    """Return an id for a queued command, in the form the telescope's devices use."""
    return f"{time.time()}_{next(_numbers)}_{command}"
