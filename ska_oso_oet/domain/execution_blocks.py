"""Execution blocks: the record of what a script has told the telescope, and of the answers.

A script says this in messages, which are not trusted: every field is checked, and their number and sizes
are limited.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from .activity import Activity
from .errors import Invalid
from .texts import encodable

EB_INTERFACE = "https://schema.skao.int/ska-oso-pdm-eb/0.1"
PENDING = "Created"  #: the status until it has ended
End = Literal["Observed", "Failed"]

MOST_BLOCKS = 20  #: of one activity
# Each archive reads documents of at most 100,000 values and 10 MiB; a command is 12 values.
MOST_COMMANDS = 5_000  #: of one block
MOST_BYTES = 4 * 2**20  #: of one block as JSON in ASCII, the longest form there is
_LONGEST = 2**20  #: characters of one request, or of one answer
_NAME = 200  #: characters of a command or a device
_LATEST = 1e11  #: seconds since the epoch
_EB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started:
    """A script has begun an execution block."""

    eb_id: str
    telescope: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command that was sent to the telescope, and its answer."""

    eb_id: str
    number: int  #: its place in the block
    command: str
    device: str
    request: str | None
    answer: str
    ok: bool
    sent: float
    ended: float

    @property
    def size(self) -> int:
        """Bytes of it in an archive."""
        return len(json.dumps(self.to_dict())) + len(", ")

    def to_dict(self) -> dict[str, Any]:
        """The form in an archive."""
        args = [self.device] if self.request is None else [self.device, self.request]
        answer = {"response": {"result": self.answer}} if self.ok else {"error": {"detail": self.answer}}
        return {
            "request": self.command,
            "request_args": {"args": args, "kwargs": {}},
            "request_sent_at": _iso(self.sent),
            "status": "OK" if self.ok else "ERROR",
            **answer,
            "response_received_at": _iso(self.ended),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished:
    """A script has ended an execution block."""

    eb_id: str
    status: End


Message = Started | Command | Finished


def message(topic: str, payload: Mapping[str, Any]) -> Message:
    """Read a message of a script.

    :raises Invalid: naming the field that is wrong
    """
    eb_id = payload.get("eb_id")
    if not isinstance(eb_id, str) or _EB_ID.fullmatch(eb_id) is None:
        raise Invalid(f"{topic}: eb_id must be 1 to 100 letters, digits, '.', '_' or '-'")
    try:
        match topic.rpartition(".")[2]:
            case "started":
                return Started(eb_id=eb_id, telescope=_one_of(payload, "telescope", "ska_mid", "ska_low"))
            case "command":
                return _command(eb_id, payload)
            case "finished":
                status = _one_of(payload, "status", "Observed", "Failed")
                return Finished(eb_id=eb_id, status="Observed" if status == "Observed" else "Failed")
    except Invalid as error:
        raise Invalid(f"{topic} of {eb_id}: {error}") from None
    raise Invalid(f"{topic} is none of started, command and finished")


class ExecutionBlock:
    """One execution block of an activity.

    :param at: seconds since the epoch
    """

    def __init__(self, started: Started, activity: Activity, at: float) -> None:
        self.eb_id = started.eb_id
        self.status: str = PENDING
        self.left_out = 0  #: commands beyond the limits
        self._telescope = started.telescope
        self._activity = activity
        self._at = at
        self._commands: dict[int, Command] = {}
        self.size = 0  #: bytes of its commands in an archive

    @property
    def ended(self) -> bool:
        """Whether nothing more belongs to it."""
        return self.status != PENDING

    def add(self, command: Command) -> bool:
        """Take a command in; tells whether that changed anything."""
        if self.ended or command.number in self._commands:
            return False
        size = command.size
        if len(self._commands) == MOST_COMMANDS or self.size + size > MOST_BYTES:
            self.left_out += 1
            return False
        self._commands[command.number] = command
        self.size += size
        return True

    def end(self, status: End) -> bool:
        """End it; tells whether that changed anything."""
        if self.ended:
            return False
        self.status = status
        return True

    def to_dict(self) -> dict[str, Any]:
        """The document in an archive."""
        return self.form()()

    def form(self) -> Callable[[], dict[str, Any]]:
        """What makes its document as it is now; another thread may do that, and later."""
        return functools.partial(_document, self._about(), list(self._commands.values()))

    def _about(self) -> dict[str, Any]:
        who, when = self._activity.started_by or self._activity.created_by or "oet", _iso(self._at)
        changed = max([self._at, *(command.ended for command in self._commands.values())])
        return {
            "interface": EB_INTERFACE,
            "eb_id": self.eb_id,
            "telescope": self._telescope,
            "sbd_ref": self._activity.sbd_id,
            "sbd_version": self._activity.sbd_version,
            "sbi_ref": self._activity.sbi_id,
            "status": self.status,
            "metadata": {
                "version": 1,
                "created_by": who,
                "created_on": when,
                "last_modified_by": who,
                "last_modified_on": _iso(changed),
            },
        }


def _document(about: dict[str, Any], commands: list[Command]) -> dict[str, Any]:
    in_order = sorted(commands, key=lambda command: command.number)
    return {**about, "request_responses": [command.to_dict() for command in in_order]}


def _command(eb_id: str, payload: Mapping[str, Any]) -> Command:
    number, ok = payload.get("number"), payload.get("ok")
    if type(number) is not int or not 0 <= number < 2**31:
        raise Invalid("number must be a whole number that is not negative")
    if not isinstance(ok, bool):
        raise Invalid("ok must be true or false")
    request = payload.get("request")
    return Command(
        eb_id=eb_id,
        number=number,
        command=_text(payload, "command")[:_NAME],
        device=_text(payload, "device")[:_NAME],
        request=None if request is None else _shortened(_text(payload, "request")),
        answer=_shortened(_text(payload, "answer")),
        ok=ok,
        sent=_time(payload, "sent"),
        ended=_time(payload, "ended"),
    )


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    # PostgreSQL has no NUL.
    if not isinstance(value, str) or not encodable(value) or "\0" in value:
        raise Invalid(f"{name} must be text")
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _one_of(payload: Mapping[str, Any], name: str, *values: str) -> str:
    value = payload.get(name)
    if value not in values or not isinstance(value, str):
        raise Invalid(f"{name} must be {' or '.join(values)}")
    return value


def _time(payload: Mapping[str, Any], name: str) -> float:
    value = payload.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Invalid(f"{name} must be seconds since the epoch")
    if not math.isfinite(value) or not 0 <= value <= _LATEST:
        raise Invalid(f"{name} must be seconds since the epoch")
    return float(value)


def _iso(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat()
